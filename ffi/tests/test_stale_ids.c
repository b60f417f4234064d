/* SPDX-License-Identifier: MIT */
/*
 * The id of a socket or port that is closed, or that never existed, gives
 * -IOCP_EBADF from every function and has no effect.
 *
 * It is hard because slots and handles are reused at once, so a late call with
 * an old id would affect another connection. The generation in an id prevents
 * that.
 */
#include <stdio.h>
#include <stdlib.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/every_call.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

static void ids_that_never_existed(void) {
  static const int32_t ids[] = {
      -1, INT32_MIN, INT32_MAX, 0, 1, 4095, 1 << 12, 1 << 18, 1 << 19, 1 << 30};
  struct drive drive;
  drive_open(&drive);
  for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
    every_socket_call(drive.port, ids[i], -IOCP_EBADF);
    if (ids[i] == drive.port) continue;
    every_port_call(ids[i], 0, -IOCP_EBADF);
    check_is(iocp_wait(ids[i], 0), -IOCP_EBADF);
    check_is(iocp_wake(ids[i]), -IOCP_EBADF);
  }
  check_is(drive_poll(&drive), 0);
  drive_finish(&drive);
}

/* During the close, an id is valid for iocp_close() only. */
static void id_of_a_closing_socket(void) {
  struct drive drive;
  host_socket raw;
  struct iocp_address address;
  char byte;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  int32_t port = drive.port, id = socket->id;
  check_is(iocp_accept(port, id, 1), -IOCP_EBADF);
  check_is(iocp_receive(port, id, 1), -IOCP_EBADF);
  check_is(iocp_read(port, id, &byte, 0, 1), -IOCP_EBADF);
  check_is(iocp_send(port, id, &byte, 0, 1), -IOCP_EBADF);
  check_is(iocp_shutdown(port, id), -IOCP_EBADF);
  check_is(iocp_get_address(
               port, id, IOCP_LOCAL, &address, sizeof(struct iocp_address)),
           -IOCP_EBADF);
  check_is(iocp_set_option(port, id, IOCP_NO_DELAY, 1), -IOCP_EBADF);
  check_is(iocp_get_option(port, id, IOCP_NO_DELAY), -IOCP_EBADF);
  check_is(iocp_close(port, id, IOCP_GRACEFUL, 1), 0);
  raw_close(raw);
  drive_until(&drive, socket->is_closed);
  every_socket_call(port, id, -IOCP_EBADF);
  drive_finish(&drive);
}

static int compare_ids(const void* a, const void* b) {
  int32_t left = *(const int32_t*)a, right = *(const int32_t*)b;
  return (left > right) - (left < right);
}

/* Many ids come and go; none is reused soon, and the old ones have no effect on
 * the sockets that use the same slots now. */
static void old_ids_after_many_others(void) {
  enum { ROUNDS = 3000, LIVE = 300 };
  static int32_t ids[ROUNDS];
  struct drive drive;
  struct iocp_address address;
  struct drive_socket* live[LIVE];
  drive_open(&drive);
  for (int i = 0; i < ROUNDS; i++) {
    struct drive_socket* socket =
        drive_listen(&drive, "127.0.0.1", 0, &address);
    ids[i] = socket->id;
    drive_close(socket, IOCP_GRACEFUL, 0);
    drive_until(&drive, socket->is_closed);
    drive_forget(socket);
  }
  for (int i = 0; i < LIVE; i++) {
    live[i] = drive_listen(&drive, "127.0.0.1", 0, &address);
    for (int j = 0; j < ROUNDS; j++) check(live[i]->id != ids[j]);
  }
  qsort(ids, ROUNDS, sizeof ids[0], compare_ids);
  for (int i = 1; i < ROUNDS; i++) check(ids[i] != ids[i - 1]);
  for (int i = 0; i < ROUNDS; i++)
    every_socket_call(drive.port, ids[i], -IOCP_EBADF);
  /* If one of the calls had closed or changed something, this would show it. */
  drive_poll(&drive);
  check_is(drive.header.sockets, LIVE);
  for (int i = 0; i < LIVE; i++)
    check_is(iocp_get_address(drive.port,
                              live[i]->id,
                              IOCP_LOCAL,
                              &address,
                              sizeof(struct iocp_address)),
             sizeof(struct iocp_address));
  drive_finish(&drive);
}

/* An old id has no effect on the open stream in its slot. */
static void old_id_beside_an_open_stream(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  int32_t id = socket->id;
  drive_sink(socket, 7, 1000);
  for (int32_t bit = 0; bit < 31; bit++)
    every_socket_call(drive.port, id ^ (int32_t)(1u << bit), -IOCP_EBADF);
  every_socket_call(drive.port, id | INT32_MIN, -IOCP_EBADF);
  drive_raw_send(&drive, raw, 7, 0, 5000);
  drive_pump(socket, 9, 5000, 5000);
  drive_raw_expect(&drive, raw, 9, 0, 5000);
  drive_until(&drive, socket->received == 5000);
  raw_close(raw);
  drive_finish(&drive);
}

static void deleted_ports(void) {
  enum { ROUNDS = 300 };
  int32_t ids[ROUNDS];
  struct drive live;
  drive_open(&live);
  for (int i = 0; i < ROUNDS; i++) {
    ids[i] = iocp_new(0);
    check(ids[i] >= 0);
    check(ids[i] != live.port);
    for (int j = 0; j < i; j++) check(ids[i] != ids[j]);
    check_is(iocp_delete(ids[i]), 0);
  }
  for (int i = 0; i < ROUNDS; i += 10) {
    every_port_call(ids[i], 0, -IOCP_EBADF);
    check_is(iocp_wait(ids[i], 0), -IOCP_EBADF);
    check_is(iocp_wake(ids[i]), -IOCP_EBADF);
  }
  check_is(iocp_wait(live.port, 0), 0);
  drive_finish(&live);
}

/* The id of a socket is not valid at another port. */
static void id_of_another_port(void) {
  struct drive drives[2];
  struct iocp_address address;
  drive_open(&drives[0]);
  drive_open(&drives[1]);
  struct drive_socket* socket =
      drive_listen(&drives[0], "127.0.0.1", 0, &address);
  every_socket_call(drives[1].port, socket->id, -IOCP_EBADF);
  drive_accept(socket, 1);
  host_socket raw = raw_connect(&address);
  drive_until(&drives[0], socket->accepted_count == 1);
  raw_close(raw);
  drive_finish(&drives[0]);
  drive_finish(&drives[1]);
}

TEST_MAIN(TEST_CASE(ids_that_never_existed),
          TEST_CASE(id_of_a_closing_socket),
          TEST_CASE(old_ids_after_many_others),
          TEST_CASE(old_id_beside_an_open_stream),
          TEST_CASE(deleted_ports),
          TEST_CASE(id_of_another_port))
