/* SPDX-License-Identifier: MIT */
/*
 * The process has no handles left: each call returns -IOCP_EMFILE. A listener
 * reports it once, stays open, and accepts again as soon as there are handles.
 *
 * It is hard because the connection stays in the backlog and causes no second
 * edge: without a timer the listener would never accept again, and without a
 * pause it would spin.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define NO_LIMIT_HERE "this system has no limit of handles"

static void accepting_recovers(void) {
  enum { PEERS = 10 };
  struct drive drive;
  struct iocp_address address;
  host_socket raws[PEERS];
  struct iocp_stats stats;
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 4);
  for (int i = 0; i < PEERS; i++) raws[i] = raw_connect(&address);
  if (host_limit_handles(3)) {
    drive_until(&drive, listener->accept_error != DRIVE_NOTHING);
    check_is(listener->accept_error, -IOCP_EMFILE);
    check(listener->last_detail != 0);
    check_is(listener->accepted_count, 3);
    /* It is retried, and reported once. */
    do {
      drive_for(&drive, 50);
      check_is(iocp_stats(drive.port, &stats), 0);
    } while (stats.accept_failures < 4);
    check_is(listener->accept_error_count, 1);
    check_is(listener->accepted_count, 3);
    check(drive.header.timeout_ms >= 0);
    /* And not in a busy loop. */
    check(drive.header.timeout_ms <= 2000);
  } else {
    test_skip(NO_LIMIT_HERE);
  }
  host_limit_handles(-1);
  drive_until(&drive, listener->accepted_count == PEERS);
  for (int i = 0; i < PEERS; i++) raw_close(raws[i]);
  drive_finish(&drive);
}

/* The next shortage is reported again. */
static void each_shortage_is_reported(void) {
  struct drive drive;
  struct iocp_address address;
  host_socket raws[3];
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 4);
  for (uint32_t i = 0; i < 3; i++) {
    raws[i] = raw_connect(&address);
    if (!host_limit_handles(0)) {
      test_skip(NO_LIMIT_HERE);
    } else {
      drive_until(&drive, listener->accept_error_count == i + 1);
      check_is(listener->accept_error, -IOCP_EMFILE);
    }
    host_limit_handles(-1);
    drive_until(&drive, listener->accepted_count == i + 1);
  }
  for (int i = 0; i < 3; i++) raw_close(raws[i]);
  drive_finish(&drive);
}

/* A listener can be closed while it waits for handles. */
static void close_during_a_shortage(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 4);
  host_socket raw = raw_connect(&address);
  if (host_limit_handles(0)) {
    drive_until(&drive, listener->accept_error_count == 1);
    drive_close_now(listener);
    check_is(drive.header.timeout_ms, -1);
  } else {
    test_skip(NO_LIMIT_HERE);
  }
  host_limit_handles(-1);
  raw_close(raw);
  drive_finish(&drive);
}

static void new_sockets_and_ports(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  struct iocp_address any = raw_address("127.0.0.1", 0);
  for (int32_t handles = 0; handles < 2; handles++) {
    if (!host_limit_handles(handles)) {
      test_skip(NO_LIMIT_HERE);
      break;
    }
    check_is(iocp_new(0), -IOCP_EMFILE);
    if (handles != 0) continue;
    check_is(iocp_connect(drive.port, &address, NULL), -IOCP_EMFILE);
    check_is(iocp_listen(drive.port, &any, 1, 0), -IOCP_EMFILE);
  }
  host_limit_handles(-1);
  check_is(drive_poll(&drive), 0);
  check_is(drive.header.sockets, 1);
  drive_accept(listener, 1);
  host_socket raw = raw_connect(&address);
  drive_until(&drive, listener->accepted_count == 1);
  raw_close(raw);
  drive_finish(&drive);
}

/* There is a limit of ports, or of the handles that they need. Beyond it there
 * is an error, and what was deleted can be replaced. */
static void too_many_ports(void) {
  static int32_t names[20000];
  int32_t counts[2];
  for (int round = 0; round < 2; round++) {
    int32_t count = 0, name = 0;
    while (count < 20000 && (name = iocp_new(0)) >= 0) names[count++] = name;
    check(count > 50 && count < 20000);
    check_is(name, -IOCP_EMFILE);
    for (int32_t i = 0; i < count; i++) check_is(iocp_delete(names[i]), 0);
    counts[round] = count;
  }
  check_is(counts[0], counts[1]);
}

TEST_MAIN(TEST_CASE(accepting_recovers),
          TEST_CASE(each_shortage_is_reported),
          TEST_CASE(close_during_a_shortage),
          TEST_CASE(new_sockets_and_ports),
          TEST_CASE(too_many_ports))
