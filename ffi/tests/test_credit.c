/* SPDX-License-Identifier: MIT */
/*
 * A port receives no more than iocp_receive() allows. Without credit it
 * receives nothing, so the sender stops: backpressure works from the user to
 * the peer, through two kernels.
 *
 * It is hard because a posted receive will accept bytes in any case. An engine
 * that reads ahead passes every test that only adds up bytes; here the plain
 * peer must come to a stop, and the bytes that it has sent must arrive later.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

/* More than any system buffers for one connection. */
#define SENDER_STOPS_BEFORE (96u << 20)

static void credit_is_never_exceeded(void) {
  static const uint32_t credits[] = {1, 9, 1, 4095, 4096, 4097, 1, 50000};
  struct drive drive;
  host_socket raw;
  uint64_t allowed = 0;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  socket->receive_seed = 7;
  drive_raw_send(&drive, raw, 7, 0, 100000);
  for (size_t i = 0; i < sizeof credits / sizeof credits[0]; i++) {
    allowed += credits[i];
    drive_receive(socket, credits[i]);
    drive_until(&drive, socket->received == allowed);
    /* The driver fails if more than that arrives. */
    drive_for(&drive, 20);
    check_is(socket->received, allowed);
  }
  raw_close(raw);
  drive_finish(&drive);
}

/* The posted buffers are no larger than the credit either. */
static void posted_memory_keeps_to_the_credit(void) {
  static const uint32_t credits[] = {1, 10, 500, 1 << 30};
  struct drive drive;
  struct iocp_stats stats;
  host_socket raw;
  uint64_t allowed = 0;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  socket->receive_seed = 7;
  for (size_t i = 0; i < sizeof credits / sizeof credits[0]; i++) {
    drive_receive(socket, credits[i]);
    drive_for(&drive, 20);
    check_is(iocp_stats(drive.port, &stats), 0);
    check(stats.bytes_posted <= credits[i]);
    uint32_t length = credits[i] < 1000 ? credits[i] : 1000;
    drive_raw_send(&drive, raw, 7, allowed, length);
    allowed += length;
    drive_until(&drive, socket->received == allowed);
  }
  raw_close(raw);
  drive_finish(&drive);
}

/* Credit that is added before the former is used up adds to it. */
static void credit_adds_up(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  socket->receive_seed = 7;
  for (int i = 0; i < 100; i++) drive_receive(socket, 100);
  drive_poll(&drive);
  for (int i = 0; i < 100; i++) drive_receive(socket, 1);
  drive_raw_send(&drive, raw, 7, 0, 20000);
  drive_until(&drive, socket->received == 10100);
  drive_for(&drive, 50);
  check_is(socket->received, 10100);
  raw_close(raw);
  drive_finish(&drive);
}

/* Sends until nothing was accepted for a while. Returns the bytes. */
static uint64_t send_until_stuck(struct drive* drive, host_socket raw) {
  static uint8_t bytes[65536];
  uint64_t sent = 0;
  uint64_t moved_ms = host_now_ms();
  while (host_now_ms() - moved_ms < 500) {
    pattern_fill(bytes, sizeof bytes, 7, sent);
    int32_t count = raw_send(raw, bytes, sizeof bytes);
    if (count != HOST_WOULD_BLOCK) {
      check(count > 0);
      sent += (uint32_t)count;
      moved_ms = host_now_ms();
      check(sent < SENDER_STOPS_BEFORE);
    } else {
      drive_for(drive, 5);
    }
  }
  return sent;
}

static void sender_stops_with_credit(uint32_t credit) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  socket->receive_seed = 7;
  if (credit != 0) drive_receive(socket, credit);
  uint64_t sent = send_until_stuck(&drive, raw);
  check_is(socket->received, credit);
  check(sent > credit);
  raw_shutdown(raw);
  drive_sink(socket, 7, 65536);
  drive_until(&drive, socket->end_result != DRIVE_NOTHING);
  check_is(socket->end_result, 0);
  check_is(socket->received, sent);
  raw_close(raw);
  drive_finish(&drive);
}

static void sender_stops_without_credit(void) { sender_stops_with_credit(0); }

static void sender_stops_after_the_credit(void) {
  sender_stops_with_credit(3 << 20);
}

/* Even the end is not reported without a receive. */
static void end_waits_for_credit(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  socket->receive_seed = 7;
  drive_raw_send(&drive, raw, 7, 0, 5);
  raw_shutdown(raw);
  drive_receive(socket, 5);
  drive_until(&drive, socket->received == 5);
  drive_for(&drive, 50);
  check_is(socket->end_result, DRIVE_NOTHING);
  drive_receive(socket, 1);
  drive_until(&drive, socket->end_result == 0);
  check_is(iocp_receive(drive.port, socket->id, 1), -IOCP_ESHUTDOWN);
  raw_close(raw);
  drive_finish(&drive);
}

/* A port that waits for credit on one stream serves the others. */
static void one_stopped_stream_stops_no_other(void) {
  struct drive drive;
  host_socket raws[2];
  struct drive_socket* sockets[2];
  drive_open(&drive);
  for (int i = 0; i < 2; i++) {
    sockets[i] = drive_raw_pair(&drive, 0, &raws[i]);
    sockets[i]->receive_seed = 7;
  }
  drive_raw_send(&drive, raws[0], 7, 0, 100000);
  drive_receive(sockets[0], 10);
  drive_sink(sockets[1], 7, 4096);
  drive_raw_send(&drive, raws[1], 7, 0, 4 << 20);
  drive_until(&drive, sockets[1]->received == 4 << 20);
  check_is(sockets[0]->received, 10);
  for (int i = 0; i < 2; i++) raw_close(raws[i]);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(credit_is_never_exceeded),
          TEST_CASE(posted_memory_keeps_to_the_credit),
          TEST_CASE(credit_adds_up),
          TEST_CASE(sender_stops_without_credit),
          TEST_CASE(sender_stops_after_the_credit),
          TEST_CASE(end_waits_for_credit),
          TEST_CASE(one_stopped_stream_stops_no_other))
