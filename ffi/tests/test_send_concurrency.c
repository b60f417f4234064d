/* SPDX-License-Identifier: MIT */
/*
 * As many sends may be pending as the option allows, each with a completion of
 * its own, and the peer receives them in order.
 *
 * It is hard because the kernel has several of them at a time, may refuse one
 * in the middle, and a close, a shutdown or a reset affects them all.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define MIB (1 << 20)

static struct drive_socket* pair_with(struct drive* drive,
                                      int32_t concurrency,
                                      host_socket* raw_out) {
  struct drive_socket* socket = drive_raw_pair(drive, 4096, raw_out);
  drive_set(socket, IOCP_SEND_CONCURRENCY, concurrency);
  return socket;
}

static void as_many_as_the_option_allows(void) {
  for (int32_t concurrency = 1; concurrency <= IOCP_CONCURRENCY_MAX;
       concurrency = concurrency * 2 + 1) {
    struct drive drive;
    host_socket raw;
    char byte = 0;
    drive_open(&drive);
    int32_t limit =
        concurrency < IOCP_CONCURRENCY_MAX ? concurrency : IOCP_CONCURRENCY_MAX;
    struct drive_socket* socket = pair_with(&drive, limit, &raw);
    drive_fill(socket, 9);
    check_is(socket->sends_pending, limit);
    check_is(drive_stats(socket).sends, limit);
    check_is(iocp_send(drive.port, socket->id, &byte, 0, 1), -IOCP_EBUSY);
    uint64_t sent = socket->sent;
    check(sent >= (uint64_t)limit * IOCP_SEND_MAX);
    drive_raw_expect(&drive, raw, 9, 0, sent);
    drive_until(&drive, socket->sends_pending == 0);
    check_is(drive_stats(socket).bytes_unsent, 0);
    check_is(drive_stats(socket).bytes_sent, sent);
    drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
    check_is(drive_raw_end(&drive, raw), 0);
    raw_close(raw);
    drive_finish(&drive);
  }
}

static void streams_stay_whole(void) {
  static const int32_t kinds[][2] = {
      {2, 1}, {3, 1000}, {8, 50021}, {16, MIB / 4}};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    struct drive drive;
    host_socket raw;
    uint64_t goal = kinds[i][1] == 1 ? 20000 : 4 * MIB;
    drive_open(&drive);
    struct drive_socket* socket = pair_with(&drive, kinds[i][0], &raw);
    drive_pump(socket, 9, goal, (uint32_t)kinds[i][1]);
    drive_raw_expect(&drive, raw, 9, 0, goal);
    drive_until(&drive, socket->sends_pending == 0);
    drive_finish(&drive);
    raw_close(raw);
  }
}

/* The FIN follows all of them. */
static void shutdown_waits_for_all(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = pair_with(&drive, 4, &raw);
  drive_fill(socket, 9);
  drive_shutdown(socket);
  drive_for(&drive, 20);
  check(socket->shut_pending);
  drive_raw_expect(&drive, raw, 9, 0, socket->sent);
  check_is(drive_raw_end(&drive, raw), 0);
  drive_until(&drive, !socket->shut_pending);
  check_is(socket->shut_result, 0);
  drive_finish(&drive);
  raw_close(raw);
}

static void close_delivers_all(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = pair_with(&drive, 4, &raw);
  drive_fill(socket, 9);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_raw_expect(&drive, raw, 9, 0, socket->sent);
  check_is(drive_raw_end(&drive, raw), 0);
  raw_close(raw);
  drive_until(&drive, socket->is_closed);
  check_is(socket->close_result, 0);
  check(socket->send_result > 0);
  drive_finish(&drive);
}

/* The end of a stream that is not on a port. */
static int32_t raw_end(host_socket raw) {
  static uint8_t bytes[65536];
  int32_t count;
  uint64_t until_ms = host_now_ms() + DRIVE_DEADLINE_MS;
  while ((count = raw_receive(raw, bytes, sizeof bytes)) != 0) {
    if (count < 0 && count != HOST_WOULD_BLOCK) break;
    if (count < 0) host_sleep_ms(1);
    check(host_now_ms() < until_ms);
  }
  return count;
}

/* Each is reported once, however the connection ends. */
static void each_fails_once(void) {
  for (int kind = 0; kind < 4; kind++) {
    struct drive drive;
    host_socket raw;
    drive_open(&drive);
    struct drive_socket* socket = pair_with(&drive, 4, &raw);
    drive_fill(socket, 9);
    if (kind == 0) raw_reset(raw);
    if (kind == 1) drive_close(socket, IOCP_RESET, 0);
    if (kind == 2) drive_close(socket, IOCP_GRACEFUL, 1);
    if (kind == 3) {
      drive_delete(&drive);
      check(raw_end(raw) < 0);
      raw_close(raw);
      continue;
    }
    drive_until(&drive, socket->sends_pending == 0);
    check(socket->send_result < 0);
    if (kind != 0) {
      check(drive_raw_end(&drive, raw) < 0);
      raw_close(raw);
    }
    drive_finish(&drive);
  }
}

/* Sends that follow the reset of the peer, before the port has reported it,
 * complete as well, whether or not the system has accepted them. Under Wine 10
 * they would stay in flight for ever, also when their handle is closed. */
static void those_behind_a_reset_complete(void) {
  enum { BEFORE = 3, AFTER = 4 };
  static uint8_t bytes[IOCP_SEND_MAX];
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = pair_with(&drive, BEFORE + AFTER + 1, &raw);
  while (socket->sends_pending < BEFORE)
    check(drive_send(socket, bytes, sizeof bytes) > 0);
  raw_reset(raw);
  for (int i = 0; i < AFTER; i++)
    drive_try_send(socket, bytes, 0, sizeof bytes);
  drive_until(&drive, socket->send_result != DRIVE_NOTHING);
  check_is(socket->send_result, -IOCP_ECONNRESET);
  drive_until(&drive, socket->sends_pending == 0);
  check_is(drive_stats(socket).operations, 0);
  check_is(drive_stats(socket).bytes_unsent, 0);
  drive_close(socket, IOCP_RESET, 0);
  drive_until(&drive, socket->is_closed);
  drive_finish(&drive);
}

/* A smaller limit applies from the next send on. */
static void limit_can_change(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = pair_with(&drive, 4, &raw);
  drive_fill(socket, 9);
  drive_set(socket, IOCP_SEND_CONCURRENCY, 2);
  check_is(drive_stats(socket).sends, 4);
  drive_raw_expect(&drive, raw, 9, 0, socket->sent);
  drive_until(&drive, socket->sends_pending == 0);
  drive_fill(socket, 9);
  check_is(drive_stats(socket).sends, 2);
  drive_delete(&drive);
  raw_close(raw);
}

TEST_MAIN(TEST_CASE(as_many_as_the_option_allows),
          TEST_CASE(streams_stay_whole),
          TEST_CASE(shutdown_waits_for_all),
          TEST_CASE(close_delivers_all),
          TEST_CASE(each_fails_once),
          TEST_CASE(those_behind_a_reset_complete),
          TEST_CASE(limit_can_change))
