/* SPDX-License-Identifier: MIT */
/*
 * Each direction of a stream ends separately: after iocp_shutdown() the port
 * still receives, and after the peer's FIN it still sends.
 *
 * It is hard because a FIN must not overtake send copies, and because an end of
 * one direction causes events that look like a hang-up of both.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

static void receives_after_shutdown(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_shutdown(socket);
  drive_until(&drive, socket->shut_result == 0);
  check_is(drive_raw_end(&drive, raw), 0);
  check_is(iocp_send(drive.port, socket->id, "x", 0, 1), -IOCP_EPIPE);
  check_is(iocp_shutdown(drive.port, socket->id), -IOCP_EPIPE);
  drive_sink(socket, 7, 10000);
  drive_raw_send(&drive, raw, 7, 0, 300000);
  raw_shutdown(raw);
  drive_until(&drive, socket->end_result == 0);
  check_is(socket->received, 300000);
  raw_close(raw);
  drive_close_now(socket);
  drive_finish(&drive);
}

static void sends_after_the_end(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_receive(socket, 1);
  raw_shutdown(raw);
  drive_until(&drive, socket->end_result == 0);
  check_is(iocp_receive(drive.port, socket->id, 1), -IOCP_ESHUTDOWN);
  drive_pump(socket, 9, 4 << 20, 100000);
  drive_raw_expect(&drive, raw, 9, 0, 4 << 20);
  drive_shutdown(socket);
  check_is(drive_raw_end(&drive, raw), 0);
  drive_until(&drive, socket->shut_result == 0);
  raw_close(raw);
  drive_close_now(socket);
  drive_finish(&drive);
}

/* Both directions had ended before: the previous owner has sent the FIN, which
 * the port does not know. Linux reports an error then. */
static void one_that_was_ended_before(void) {
#if defined(__linux__)
  struct drive drive;
  host_socket ours, theirs;
  drive_open(&drive);
  raw_pair(0, &ours, &theirs);
  raw_shutdown(ours);
  struct drive_socket* socket =
      drive_add(&drive, iocp_add_socket(drive.port, (double)ours, 0));
  raw_close(theirs);
  drive_receive(socket, 1);
  drive_until(&drive, socket->end_result != DRIVE_NOTHING);
  check_is(socket->end_result, 0);
  drive_shutdown(socket);
  drive_until(&drive, socket->shut_result != DRIVE_NOTHING);
  check_is(socket->shut_result, 0);
  drive_close_now(socket);
  drive_finish(&drive);
#else
  test_skip("it is Linux that reports an error");
#endif
}

/* The FIN waits until the send copies have left. */
static void shutdown_waits_for_the_send(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 16384, &raw);
  drive_fill(socket, 9);
  drive_shutdown(socket);
  check_is(iocp_send(drive.port, socket->id, "x", 0, 1), -IOCP_EPIPE);
  check_is(iocp_shutdown(drive.port, socket->id), -IOCP_EPIPE);
  drive_for(&drive, 50);
  check_is(socket->shut_result, DRIVE_NOTHING);
  /* It still receives meanwhile. */
  drive_sink(socket, 7, 1000);
  drive_raw_send(&drive, raw, 7, 0, 5000);
  drive_until(&drive, socket->received == 5000);
  drive_raw_expect(&drive, raw, 9, 0, socket->sent);
  check_is(drive_raw_end(&drive, raw), 0);
  drive_until(&drive, socket->shut_result == 0);
  check(socket->send_result > 0);
  raw_close(raw);
  drive_until(&drive, socket->end_result == 0);
  drive_close_now(socket);
  drive_finish(&drive);
}

/* Both ends shut down first and close later. */
static void both_ends_shut_down(void) {
  struct drive drive;
  struct drive_socket* ends[2];
  drive_open(&drive);
  for (uint32_t i = 0; i < 50; i++) {
    drive_pair(&drive, &ends[0], &ends[1]);
    for (int j = 0; j < 2; j++) {
      drive_sink(ends[j], 9, 65536);
      drive_pump(ends[j], 9, i * 5001 + 1, IOCP_SEND_MAX);
      drive_shutdown(ends[j]);
    }
    for (int j = 0; j < 2; j++) {
      drive_until(&drive,
                  ends[j]->end_result == 0 && ends[j]->shut_result == 0);
      check_is(ends[j]->received, i * 5001 + 1);
    }
    for (int j = 0; j < 2; j++) {
      drive_close_now(ends[j]);
      drive_forget(ends[j]);
    }
  }
  drive_finish(&drive);
}

/* After a shutdown, a close does not wait for a peer whose FIN has arrived. */
static void close_after_both_ends(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_receive(socket, 1);
  check_is(drive_send(socket, "x", 1), 1);
  drive_shutdown(socket);
  raw_shutdown(raw);
  drive_until(&drive, socket->end_result == 0 && socket->shut_result == 0);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_until(&drive, socket->is_closed);
  check_is(socket->close_result, 0);
  drive_raw_expect(&drive, raw, 9, 0, 0);
  check_is(drive_raw_end(&drive, raw), 0);
  raw_close(raw);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(receives_after_shutdown),
          TEST_CASE(sends_after_the_end),
          TEST_CASE(one_that_was_ended_before),
          TEST_CASE(shutdown_waits_for_the_send),
          TEST_CASE(both_ends_shut_down),
          TEST_CASE(close_after_both_ends))
