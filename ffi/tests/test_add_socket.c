/* SPDX-License-Identifier: MIT */
/*
 * A port adopts a connected socket that was created elsewhere. It refuses
 * anything else, which then still belongs to the caller.
 *
 * It is hard because the library does not know what was done to the socket
 * before: it may block, have unread data whose event has passed, be on a port
 * already (Windows allows one only, for good), or not be a socket at all.
 */
#include <math.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

static struct drive_socket* adopt(struct drive* drive, host_socket raw) {
  return drive_add(drive, iocp_add_socket(drive->port, (double)raw, 0));
}

static void exchanges_both_ways(void) {
  struct drive drive;
  drive_open(&drive);
  for (int i = 0; i < 4; i++) {
    host_socket ours, theirs;
    raw_pair(0, &ours, &theirs);
    host_socket_set_blocking(ours, i % 2 == 0);
    struct drive_socket* socket = adopt(&drive, ours);
    drive_sink(socket, 7, 50000);
    drive_pump(socket, 9, 16 << 20, 100000);
    drive_raw_send(&drive, theirs, 7, 0, 100000);
    drive_raw_expect(&drive, theirs, 9, 0, 16 << 20);
    raw_shutdown(theirs);
    drive_until(&drive, socket->end_result == 0);
    check_is(socket->received, 100000);
    raw_close(theirs);
    /* The port closes what it owns; leaked handles are counted after each
     * case. */
    drive_close_now(socket);
  }
  drive_finish(&drive);
}

static void data_arrived_before(void) {
  struct drive drive;
  host_socket ours, theirs;
  drive_open(&drive);
  raw_pair(0, &ours, &theirs);
  drive_raw_send(&drive, theirs, 7, 0, 1000);
  raw_close(theirs);
  host_sleep_ms(20);
  struct drive_socket* socket = adopt(&drive, ours);
  drive_sink(socket, 7, 5000);
  drive_until(&drive, socket->end_result == 0);
  check_is(socket->received, 1000);
  drive_finish(&drive);
}

static void both_ends_on_one_port(void) {
  struct drive drive;
  host_socket raws[2];
  struct drive_socket* ends[2];
  drive_open(&drive);
  raw_pair(0, &raws[0], &raws[1]);
  for (int i = 0; i < 2; i++) ends[i] = adopt(&drive, raws[i]);
  for (int i = 0; i < 2; i++) {
    drive_sink(ends[i], 9, 50000);
    drive_pump(ends[i], 9, 1 << 20, 100000);
  }
  for (int i = 0; i < 2; i++) drive_until(&drive, ends[i]->received == 1 << 20);
  drive_finish(&drive);
}

/* After a refusal the two sockets can still exchange bytes. */
static void check_still_works(host_socket a, host_socket b) {
  char byte = 0;
  uint64_t until_ms = host_now_ms() + DRIVE_DEADLINE_MS;
  check_is(raw_send(a, "x", 1), 1);
  while (raw_receive(b, &byte, 1) != 1) {
    host_sleep_ms(1);
    check(host_now_ms() < until_ms);
  }
  check_is(byte, 'x');
}

static void not_sockets(void) {
  struct drive drive;
  drive_open(&drive);
  host_socket other = host_other_open();
  check_is(iocp_add_socket(drive.port, (double)other, 0), -IOCP_ENOTSOCK);
  host_other_close(other);
  /* The former value of a handle. */
  check_is(iocp_add_socket(drive.port, (double)other, 0), -IOCP_ENOTSOCK);
  check(iocp_native_error(drive.port) != 0);
  static const double numbers[] = {
      -1, 0.5, -0.5, 1e9, 1e18, 1e300, -1e300, (double)INFINITY, (double)NAN};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    check(iocp_add_socket(drive.port, numbers[i], 0) < 0);
  check_is(drive_poll(&drive), 0);
  check_is(drive.header.sockets, 0);
  drive_finish(&drive);
}

static void not_connected_streams(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  host_socket raw = raw_open_stream();
  check_is(iocp_add_socket(drive.port, (double)raw, 0), -IOCP_ENOTCONN);
  raw_close(raw);
  raw = raw_open_datagram();
  check_is(iocp_add_socket(drive.port, (double)raw, 0), -IOCP_ENOTCONN);
  raw_close(raw);
  raw = raw_listen("127.0.0.1", &address);
  check_is(iocp_add_socket(drive.port, (double)raw, 0), -IOCP_ENOTCONN);
  /* The refused socket still works. */
  host_socket peer = raw_connect(&address);
  raw_close(raw_accept(raw));
  raw_close(peer);
  raw_close(raw);
  check_is(drive_poll(&drive), 0);
  check_is(drive.header.sockets, 0);
  drive_finish(&drive);
}

/* No completion port accepts it. The error differs from that of a handle on a
 * port. */
static void for_synchronous_operations(void) {
  struct drive drive;
  struct iocp_address address;
  host_socket ours = host_socket_open_synchronous();
  if (ours < 0) {
    test_skip("this system has no synchronous sockets");
    return;
  }
  drive_open(&drive);
  host_socket listener = raw_listen("127.0.0.1", &address);
  raw_connect_with(ours, &address);
  host_socket theirs = raw_accept(listener);
  check_is(iocp_add_socket(drive.port, (double)ours, 0), -IOCP_ENOTSUP);
  check_is(iocp_add_socket(drive.port, (double)ours, IOCP_DETACHED),
           -IOCP_ENOTSUP);
  check_still_works(theirs, ours);
  raw_close(ours);
  raw_close(theirs);
  raw_close(listener);
  drive_finish(&drive);
}

static void on_a_port_already(void) {
  struct drive drives[2];
  host_socket ours, theirs;
  drive_open(&drives[0]);
  drive_open(&drives[1]);
  raw_pair(0, &ours, &theirs);
  struct drive_socket* socket = adopt(&drives[0], ours);
  check_is(iocp_add_socket(drives[0].port, (double)ours, 0), -IOCP_EEXIST);
  check_is(iocp_add_socket(drives[1].port, (double)ours, 0), -IOCP_EEXIST);
  /* The refusals had no effect on the port that has it. */
  drive_sink(socket, 7, 1000);
  drive_raw_send(&drives[0], theirs, 7, 0, 5000);
  drive_until(&drives[0], socket->received == 5000);
  drive_pump(socket, 9, 5000, 5000);
  drive_raw_expect(&drives[0], theirs, 9, 0, 5000);
  raw_close(theirs);
  drive_finish(&drives[1]);
  drive_finish(&drives[0]);
}

/* A refused socket is unchanged, and blocks or not as before. */
static void refusal_has_no_effect(void) {
  struct drive drive;
  host_socket a, b;
  drive_open(&drive);
  raw_pair(0, &a, &b);
  int32_t port = iocp_new(0);
  check_is(iocp_delete(port), 0);
  check_is(iocp_add_socket(port, (double)a, 0), -IOCP_EBADF);
  check_still_works(a, b);
  check_still_works(b, a);
  struct drive_socket* socket = adopt(&drive, a);
  drive_receive(socket, 1);
  raw_close(b);
  drive_until(&drive, socket->end_result == 0);
  drive_finish(&drive);
}

/* The peer resets the connection before the adoption. */
static void reset_before(void) {
  struct drive drive;
  host_socket ours, theirs;
  drive_open(&drive);
  raw_pair(0, &ours, &theirs);
  raw_reset(theirs);
  host_sleep_ms(20);
  int32_t id = iocp_add_socket(drive.port, (double)ours, 0);
  if (id < 0) {
    /* Some systems do not consider it connected any more. */
    check_is(id, -IOCP_ENOTCONN);
    raw_close(ours);
  } else {
    struct drive_socket* socket = drive_add(&drive, id);
    drive_receive(socket, 1);
    drive_until(&drive, socket->end_result != DRIVE_NOTHING);
    check_is(socket->end_result, -IOCP_ECONNRESET);
  }
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(exchanges_both_ways),
          TEST_CASE(data_arrived_before),
          TEST_CASE(both_ends_on_one_port),
          TEST_CASE(not_sockets),
          TEST_CASE(not_connected_streams),
          TEST_CASE(for_synchronous_operations),
          TEST_CASE(on_a_port_already),
          TEST_CASE(refusal_has_no_effect),
          TEST_CASE(reset_before))
