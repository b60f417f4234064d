/* SPDX-License-Identifier: MIT */
/*
 * A reset is an error at both ends and never an end: a stream that the peer
 * resets must not look complete.
 *
 * It is hard because a kernel reports a reset once, to the first call. When a
 * send has seen it, the next receive gets a clean end from Linux, so the
 * library has to remember it.
 */
#include <errno.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

static void peer_sees_our_reset(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_receive(socket, 100);
  drive_for(&drive, 10);
  drive_close(socket, IOCP_RESET, 0);
  drive_until(&drive, socket->is_closed);
  check_is(socket->end_result, -IOCP_ECANCELED);
  check_is(socket->close_result, 0);
  check_is(drive_raw_end(&drive, raw), -IOCP_ECONNRESET);
  raw_close(raw);
  drive_finish(&drive);
}

/* Also if there was a send copy, which is dropped. */
static void our_reset_drops_send_copies(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 16384, &raw);
  drive_fill(socket, 9);
  drive_shutdown(socket);
  drive_close(socket, IOCP_RESET, 0);
  drive_until(&drive, socket->is_closed);
  check_is(socket->send_result, -IOCP_ECANCELED);
  check_is(socket->shut_result, -IOCP_ECANCELED);
  check_is(socket->close_result, 0);
  check_is(drive_raw_end(&drive, raw), -IOCP_ECONNRESET);
  raw_close(raw);
  drive_finish(&drive);
}

/* The peer resets in the middle, with and without data. */
static void reset_in_mid_receive(void) {
  struct drive drive;
  drive_open(&drive);
  for (int i = 0; i < 40; i++) {
    host_socket raw;
    struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
    drive_sink(socket, 7, 30000);
    if (i % 2 == 0) drive_raw_send(&drive, raw, 7, 0, 100000);
    if (i % 4 < 2) drive_poll(&drive);
    raw_reset(raw);
    drive_until(&drive, socket->end_result != DRIVE_NOTHING);
    check_is(socket->end_result, -IOCP_ECONNRESET);
    check(socket->last_detail != 0);
    /* Every later call has the same error. */
    check_is(iocp_send(drive.port, socket->id, "x", 0, 1), -IOCP_ECONNRESET);
    check(iocp_native_error(drive.port) != 0);
    check_is(iocp_receive(drive.port, socket->id, 1), -IOCP_ESHUTDOWN);
    /* One record cannot report two results. */
    drive_shutdown(socket);
    check_is(iocp_shutdown(drive.port, socket->id), -IOCP_EPIPE);
    drive_until(&drive, socket->shut_result != DRIVE_NOTHING);
    check_is(socket->shut_result, -IOCP_ECONNRESET);
    char byte;
    check_is(iocp_read(drive.port, socket->id, &byte, 0, 1), -IOCP_ECONNRESET);
    drive_close_now(socket);
    drive_forget(socket);
  }
  drive_finish(&drive);
}

/* A send is the first to fail; the receive must not see an end. */
static void send_notices_first(bool with_read) {
  struct drive drive;
  host_socket raw;
  char byte = 0;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_drain(&drive);
  raw_reset(raw);
  int32_t result = 0;
  drive_until(&drive,
              (result = drive_try_send(socket, &byte, 0, 1)) < 0 &&
                  result != -IOCP_EBUSY);
  check(result == -IOCP_ECONNRESET || result == -IOCP_EPIPE);
  check_is(drive_try_send(socket, &byte, 0, 1), result);
  if (with_read) {
    int32_t end = drive_read(socket, &byte, 1);
    if (end == IOCP_PENDING) {
      drive_until(&drive, !socket->read_pending);
      end = drive_read(socket, &byte, 1);
    }
    check_is(end, result);
  } else {
    drive_receive(socket, 10);
    drive_until(&drive, socket->end_result != DRIVE_NOTHING);
    check_is(socket->end_result, result);
  }
  drive_close_now(socket);
  drive_finish(&drive);
}

static void send_notices_before_receive(void) { send_notices_first(false); }

static void send_notices_before_read(void) { send_notices_first(true); }

/* A shutdown is the first to fail. Linux says only that there is no connection,
 * and its socket has the reason. */
static void shutdown_notices_first(void) {
#if defined(__linux__)
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_drain(&drive);
  raw_reset(raw);
  host_sleep_ms(50);
  drive_shutdown(socket);
  drive_until(&drive, socket->shut_result != DRIVE_NOTHING);
  check_is(socket->shut_result, -IOCP_ECONNRESET);
  check_is(socket->last_detail, ECONNRESET);
  drive_close_now(socket);
  drive_finish(&drive);
#else
  test_skip("it is Linux that reports another error");
#endif
}

/* A pending send fails, and so does the pending receive. */
static void pending_send_and_receive_fail(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 16384, &raw);
  drive_receive(socket, 1000);
  drive_fill(socket, 9);
  drive_shutdown(socket);
  drive_for(&drive, 10);
  raw_reset(raw);
  drive_until(&drive,
              socket->end_result != DRIVE_NOTHING &&
                  socket->send_result != DRIVE_NOTHING &&
                  socket->shut_result != DRIVE_NOTHING);
  check_is(socket->end_result, -IOCP_ECONNRESET);
  check_is(socket->send_result, -IOCP_ECONNRESET);
  check(socket->shut_result < 0);
  drive_close_now(socket);
  drive_finish(&drive);
}

/* A shutdown that has no effect any more completes like any other. */
static void shutdown_is_reported_once_after_an_error(void) {
  struct drive drive;
  host_socket raw;
  char byte = 0;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_drain(&drive);
  raw_reset(raw);
  int32_t result = 0;
  drive_until(&drive,
              (result = drive_try_send(socket, &byte, 0, 1)) < 0 &&
                  result != -IOCP_EBUSY);
  drive_shutdown(socket);
  check_is(iocp_shutdown(drive.port, socket->id), -IOCP_EPIPE);
  drive_until(&drive, socket->shut_result != DRIVE_NOTHING);
  check_is(socket->shut_result, result);
  check_is(iocp_shutdown(drive.port, socket->id), -IOCP_EPIPE);
  drive_close_now(socket);
  drive_finish(&drive);
}

/* The peer's end was reported before its reset: both have happened. */
static void reset_after_the_end(void) {
  struct drive drive;
  host_socket raw;
  char byte = 0;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_receive(socket, 10);
  raw_shutdown(raw);
  drive_until(&drive, socket->end_result == 0);
  raw_reset(raw);
  int32_t result = 0;
  drive_until(&drive,
              (result = drive_try_send(socket, &byte, 0, 1)) < 0 &&
                  result != -IOCP_EBUSY);
  check_is(drive_read(socket, &byte, 1), 0);
  drive_close_now(socket);
  drive_finish(&drive);
}

/* Two sockets of one port. */
static void one_end_resets_the_other(void) {
  struct drive drive;
  struct drive_socket* client;
  struct drive_socket* server;
  drive_open(&drive);
  for (int i = 0; i < 50; i++) {
    drive_pair(&drive, &client, &server);
    drive_sink(client, 7, 1000);
    drive_sink(server, 9, 1000);
    drive_pump(client, 9, 5000, 5000);
    if (i % 2 == 0) drive_poll(&drive);
    drive_close(client, IOCP_RESET, 0);
    drive_until(&drive,
                server->end_result != DRIVE_NOTHING && client->is_closed);
    check_is(server->end_result, -IOCP_ECONNRESET);
    drive_close_now(server);
    drive_forget(server);
    drive_forget(client);
  }
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(peer_sees_our_reset),
          TEST_CASE(our_reset_drops_send_copies),
          TEST_CASE(reset_in_mid_receive),
          TEST_CASE(send_notices_before_receive),
          TEST_CASE(send_notices_before_read),
          TEST_CASE(shutdown_notices_first),
          TEST_CASE(pending_send_and_receive_fail),
          TEST_CASE(shutdown_is_reported_once_after_an_error),
          TEST_CASE(reset_after_the_end),
          TEST_CASE(one_end_resets_the_other))
