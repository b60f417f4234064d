/* SPDX-License-Identifier: MIT */
/*
 * A stream is closed while a receive is pending: the receive is reported as
 * canceled, then IOCP_CLOSED follows, and the peer sees a clean end.
 *
 * It is hard because Windows answers a close with a receive posted with an RST,
 * so that the peer loses what it has not read; and because a receive that
 * completes while it is being canceled must not be reported twice.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

struct order {
  int32_t kinds[8];
  int32_t results[8];
  uint32_t count;
};

static void order_record(struct drive_socket* socket,
                         const struct iocp_record* record,
                         const uint8_t* bytes) {
  struct order* order = socket->user;
  (void)bytes;
  /* A send has a result of its own, or none. */
  if (order == NULL || record->kind == IOCP_SENT) return;
  check(order->count < 8);
  order->kinds[order->count] = record->kind;
  order->results[order->count++] = record->result;
}

/* The peer must receive what was sent and a clean end, without a reset. */
static void close_with_credit(uint32_t sent_before) {
  struct drive drive;
  host_socket raw;
  struct order order = {.count = 0};
  drive_open(&drive);
  drive.on_record = order_record;
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  socket->user = &order;
  drive_receive(socket, 100000);
  drive_for(&drive, 20);
  if (sent_before != 0) drive_pump(socket, 9, sent_before, sent_before);
  check_is(order.count, 0);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_until(&drive, order.count >= 1);
  check_is(order.kinds[0], IOCP_RECEIVED);
  check_is(order.results[0], -IOCP_ECANCELED);
  drive_raw_expect(&drive, raw, 9, 0, sent_before);
  check_is(drive_raw_end(&drive, raw), 0);
  raw_close(raw);
  drive_until(&drive, socket->is_closed);
  check_is(socket->close_result, 0);
  check_is(order.count, 2);
  check_is(order.kinds[1], IOCP_CLOSED);
  drive.on_record = NULL;
  drive_finish(&drive);
}

static void idle_stream(void) { close_with_credit(0); }

static void stream_that_was_used(void) { close_with_credit(50000); }

/* Without a receive there is nothing to cancel. */
static void no_receive_pending(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  socket->receive_seed = 7;
  drive_receive(socket, 10);
  drive_raw_send(&drive, raw, 7, 0, 10);
  drive_until(&drive, socket->received == 10);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  check_is(drive_raw_end(&drive, raw), 0);
  raw_close(raw);
  drive_until(&drive, socket->is_closed);
  check_is(socket->close_result, 0);
  check_is(socket->end_result, DRIVE_NOTHING);
  drive_finish(&drive);
}

/* Data that arrives during the close is not reported. */
static void data_races_with_the_close(void) {
  struct drive drive;
  drive_open(&drive);
  for (int i = 0; i < 200; i++) {
    host_socket raw;
    struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
    socket->receive_seed = 7;
    drive_receive(socket, 100000);
    drive_raw_send(&drive, raw, 7, 0, 1000);
    if (i % 2 == 0) drive_poll(&drive);
    drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
    raw_close(raw);
    drive_until(&drive, socket->is_closed);
    check_is(socket->close_result, 0);
    check_is(socket->end_result, -IOCP_ECANCELED);
    drive_forget(socket);
  }
  drive_finish(&drive);
}

/* An end that was not reported before the close is reported as canceled: one
 * terminal completion, not two. */
static void end_races_with_the_close(void) {
  struct drive drive;
  drive_open(&drive);
  for (int i = 0; i < 200; i++) {
    host_socket raw;
    struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
    drive_receive(socket, 100000);
    drive_poll(&drive);
    raw_close(raw);
    if (i % 2 == 0) drive_poll(&drive);
    bool was_reported = socket->end_result != DRIVE_NOTHING;
    drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
    drive_until(&drive, socket->is_closed);
    check_is(socket->close_result, 0);
    check_is(socket->end_result, was_reported ? 0 : -IOCP_ECANCELED);
    drive_forget(socket);
  }
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(idle_stream),
          TEST_CASE(stream_that_was_used),
          TEST_CASE(no_receive_pending),
          TEST_CASE(data_races_with_the_close),
          TEST_CASE(end_races_with_the_close))
