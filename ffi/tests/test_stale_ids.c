/* SPDX-License-Identifier: MIT */
/*
 * The name of a socket or port that is closed, or that never was, gives
 * -IOCP_EBADF from every function and touches nothing.
 *
 * It is hard because slots and the system's handles are used again at once, so
 * that a late call with an old name would hit a stranger's connection; a name
 * holds a generation against that.
 */
#include <stdio.h>
#include <stdlib.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/every_call.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

static void names_that_never_were(void) {
  static const int32_t names[] = {
      -1, INT32_MIN, INT32_MAX, 0, 1, 4095, 1 << 12, 1 << 18, 1 << 19, 1 << 30};
  struct drive drive;
  drive_open(&drive);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    every_socket_call(drive.port, names[i], -IOCP_EBADF);
    if (names[i] == drive.port) continue;
    every_port_call(names[i], 0, -IOCP_EBADF);
    check_is(iocp_wait(names[i], 0), -IOCP_EBADF);
    check_is(iocp_wake(names[i]), -IOCP_EBADF);
  }
  check_is(drive_poll(&drive), 0);
  drive_finish(&drive);
}

/* While it closes, a name is good for iocp_close() only. */
static void name_of_a_closing_socket(void) {
  struct drive drive;
  host_socket raw;
  struct iocp_address address;
  char byte;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  int32_t port = drive.port, name = socket->name;
  check_is(iocp_accept(port, name, 1), -IOCP_EBADF);
  check_is(iocp_receive(port, name, 1), -IOCP_EBADF);
  check_is(iocp_read(port, name, &byte, 0, 1), -IOCP_EBADF);
  check_is(iocp_send(port, name, &byte, 0, 1), -IOCP_EBADF);
  check_is(iocp_shutdown(port, name), -IOCP_EBADF);
  check_is(iocp_get_address(port, name, IOCP_LOCAL, &address), -IOCP_EBADF);
  check_is(iocp_set_option(port, name, IOCP_NO_DELAY, 1), -IOCP_EBADF);
  check_is(iocp_get_option(port, name, IOCP_NO_DELAY), -IOCP_EBADF);
  check_is(iocp_close(port, name, IOCP_GRACEFUL, 1), 0);
  raw_close(raw);
  drive_until(&drive, socket->is_closed);
  every_socket_call(port, name, -IOCP_EBADF);
  drive_finish(&drive);
}

static int compare_names(const void* a, const void* b) {
  int32_t left = *(const int32_t*)a, right = *(const int32_t*)b;
  return (left > right) - (left < right);
}

/* Many names come and go; none comes twice soon, and none of the old ones does
 * anything to those that use the same slots now. */
static void old_names_after_many_others(void) {
  enum { ROUNDS = 3000, LIVE = 300 };
  static int32_t names[ROUNDS];
  struct drive drive;
  struct iocp_address address;
  struct drive_socket* live[LIVE];
  drive_open(&drive);
  for (int i = 0; i < ROUNDS; i++) {
    struct drive_socket* socket =
        drive_listen(&drive, "127.0.0.1", 0, &address);
    names[i] = socket->name;
    drive_close(socket, IOCP_GRACEFUL, 0);
    drive_until(&drive, socket->is_closed);
    drive_forget(socket);
  }
  for (int i = 0; i < LIVE; i++) {
    live[i] = drive_listen(&drive, "127.0.0.1", 0, &address);
    for (int j = 0; j < ROUNDS; j++) check(live[i]->name != names[j]);
  }
  qsort(names, ROUNDS, sizeof names[0], compare_names);
  for (int i = 1; i < ROUNDS; i++) check(names[i] != names[i - 1]);
  for (int i = 0; i < ROUNDS; i++)
    every_socket_call(drive.port, names[i], -IOCP_EBADF);
  /* Had one of the calls closed or changed something, this would show it. */
  drive_poll(&drive);
  check_is(drive.header.sockets, LIVE);
  for (int i = 0; i < LIVE; i++)
    check_is(iocp_get_address(drive.port, live[i]->name, IOCP_LOCAL, &address),
             0);
  drive_finish(&drive);
}

/* An old name does not reach the live stream that has its slot. */
static void old_name_next_to_a_live_stream(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  int32_t name = socket->name;
  drive_sink(socket, 7, 1000);
  for (int32_t bit = 0; bit < 31; bit++)
    every_socket_call(drive.port, name ^ (int32_t)(1u << bit), -IOCP_EBADF);
  every_socket_call(drive.port, name | INT32_MIN, -IOCP_EBADF);
  drive_raw_send(&drive, raw, 7, 0, 5000);
  drive_pump(socket, 9, 5000, 5000);
  drive_raw_expect(&drive, raw, 9, 0, 5000);
  drive_until(&drive, socket->received == 5000);
  raw_close(raw);
  drive_finish(&drive);
}

static void ports_that_were_deleted(void) {
  enum { ROUNDS = 300 };
  int32_t names[ROUNDS];
  struct drive live;
  drive_open(&live);
  for (int i = 0; i < ROUNDS; i++) {
    names[i] = iocp_new(0);
    check(names[i] >= 0);
    check(names[i] != live.port);
    for (int j = 0; j < i; j++) check(names[i] != names[j]);
    check_is(iocp_delete(names[i]), 0);
  }
  for (int i = 0; i < ROUNDS; i += 10) {
    every_port_call(names[i], 0, -IOCP_EBADF);
    check_is(iocp_wait(names[i], 0), -IOCP_EBADF);
    check_is(iocp_wake(names[i]), -IOCP_EBADF);
  }
  check_is(iocp_wait(live.port, 0), 0);
  drive_finish(&live);
}

/* A socket's name means nothing at another port. */
static void name_of_another_port(void) {
  struct drive drives[2];
  struct iocp_address address;
  drive_open(&drives[0]);
  drive_open(&drives[1]);
  struct drive_socket* socket =
      drive_listen(&drives[0], "127.0.0.1", 0, &address);
  every_socket_call(drives[1].port, socket->name, -IOCP_EBADF);
  drive_accept(socket, 1);
  host_socket raw = raw_connect(&address);
  drive_until(&drives[0], socket->accepted_count == 1);
  raw_close(raw);
  drive_finish(&drives[0]);
  drive_finish(&drives[1]);
}

TEST_MAIN(TEST_CASE(names_that_never_were),
          TEST_CASE(name_of_a_closing_socket),
          TEST_CASE(old_names_after_many_others),
          TEST_CASE(old_name_next_to_a_live_stream),
          TEST_CASE(ports_that_were_deleted),
          TEST_CASE(name_of_another_port))
