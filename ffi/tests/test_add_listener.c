/* SPDX-License-Identifier: MIT */
/*
 * A port adopts a socket that listens already, and refuses anything else, which
 * then still belongs to the caller.
 *
 * It is hard because connections may wait in the backlog, for which no event
 * comes any more; because the socket may block, or be on a port already; and
 * because what the library does when it makes a listener was not done.
 */
#include <math.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

static struct drive_socket* adopt(struct drive* drive,
                                  host_socket raw,
                                  uint32_t flags) {
  struct drive_socket* socket =
      drive_add(drive, iocp_add_listener(drive->port, (double)raw, flags));
  socket->is_listener = true;
  return socket;
}

static void check_refused(int32_t port, host_socket raw, int32_t expected) {
  check_is(iocp_add_listener(port, (double)raw, 0), expected);
}

static struct drive_socket* await_accepted(struct drive* drive,
                                           struct drive_socket* listener) {
  drive_until(drive, listener->accepted_first != NULL);
  return drive_next_accepted(listener);
}

/* A connection through the listener carries bytes both ways. */
static void check_exchanges(struct drive* drive,
                            struct drive_socket* listener,
                            host_socket peer) {
  struct drive_socket* socket = await_accepted(drive, listener);
  drive_sink(socket, 7, 50000);
  drive_pump(socket, 9, 200000, 100000);
  drive_raw_send(drive, peer, 7, 0, 30000);
  drive_raw_expect(drive, peer, 9, 0, 200000);
  drive_until(drive, socket->received == 30000);
  drive_close_now(socket);
}

static void accepts(void) {
  struct drive drive;
  struct iocp_address address, own;
  drive_open(&drive);
  for (int i = 0; i < 4; i++) {
    host_socket raw = raw_listen(i < 2 ? "127.0.0.1" : "::1", &address);
    host_socket_set_blocking(raw, i % 2 == 0);
    /* Two wait in the backlog, and one comes later. */
    host_socket peers[3] = {raw_connect(&address), raw_connect(&address)};
    host_sleep_ms(20);
    struct drive_socket* listener =
        adopt(&drive, raw, i % 2 == 0 ? 0 : IOCP_ALL_NO_DELAY);
    check_is(iocp_get_address(
                 drive.port, listener->id, IOCP_LOCAL, &own, sizeof own),
             sizeof own);
    check_is(own.port, address.port);
    check_is(own.family, address.family);
    drive_accept(listener, 4);
    peers[2] = raw_connect(&address);
    for (int j = 0; j < 3; j++) {
      check_exchanges(&drive, listener, peers[j]);
      raw_close(peers[j]);
    }
    /* The port closes what it owns, so that the address is free. */
    drive_close_now(listener);
    check_is(raw_try_connect(&address, &peers[0]), -IOCP_ECONNREFUSED);
  }
  drive_finish(&drive);
}

static void sets_no_delay(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  for (int i = 0; i < 2; i++) {
    host_socket raw = raw_listen("127.0.0.1", &address);
    struct drive_socket* listener =
        adopt(&drive, raw, i == 0 ? 0 : IOCP_ALL_NO_DELAY);
    drive_accept(listener, 1);
    host_socket peer = raw_connect(&address);
    struct drive_socket* socket = await_accepted(&drive, listener);
    check_is(iocp_get_option(drive.port, socket->id, IOCP_NO_DELAY), i);
    raw_close(peer);
    drive_close_now(listener);
  }
  drive_finish(&drive);
}

/* Windows never changes a backlog. */
static void backlog_of_the_maker(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  struct drive_socket* listener =
      adopt(&drive, raw_listen("127.0.0.1", &address), 0);
  check_is(iocp_get_option(drive.port, listener->id, IOCP_BACKLOG), 0);
  bool is_fixed = host_posts_operations();
  check_is(iocp_set_option(drive.port, listener->id, IOCP_BACKLOG, 50),
           is_fixed ? -IOCP_ENOTSUP : 0);
  check_is(iocp_get_option(drive.port, listener->id, IOCP_BACKLOG),
           is_fixed ? 0 : 50);
  drive_finish(&drive);
}

static void not_listeners(void) {
  struct drive drive;
  drive_open(&drive);
  host_socket raws[4] = {raw_open_stream(), raw_open_datagram()};
  raw_pair(0, &raws[2], &raws[3]);
  for (int i = 0; i < 4; i++) check_refused(drive.port, raws[i], -IOCP_EINVAL);
  for (int i = 0; i < 4; i++) raw_close(raws[i]);
  host_socket other = host_other_open();
  check_refused(drive.port, other, -IOCP_ENOTSOCK);
  host_other_close(other);
  /* The former value of a handle. */
  check_refused(drive.port, other, -IOCP_ENOTSOCK);
  static const double numbers[] = {
      -1, 0.5, -0.5, 1e18, 1e300, (double)INFINITY, (double)NAN};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    check_is(iocp_add_listener(drive.port, numbers[i], 0), -IOCP_EINVAL);
  static const uint32_t flags[] = {2, 3, 8, 1u << 31, UINT32_MAX};
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
    check_is(iocp_add_listener(drive.port, 3, flags[i]), -IOCP_EINVAL);
  check_is(drive_poll(&drive), 0);
  check_is(drive.header.sockets, 0);
  drive_finish(&drive);
}

static void on_a_port_already(void) {
  struct drive drive, other;
  struct iocp_address address;
  drive_open(&drive);
  drive_open(&other);
  host_socket raw = raw_listen("127.0.0.1", &address);
  struct drive_socket* listener = adopt(&drive, raw, 0);
  check_refused(drive.port, raw, -IOCP_EEXIST);
  check_refused(other.port, raw, -IOCP_EEXIST);
  /* The refusals have changed nothing. */
  drive_accept(listener, 2);
  host_socket peer = raw_connect(&address);
  check_exchanges(&drive, listener, peer);
  raw_close(peer);
  drive_finish(&other);
  drive_finish(&drive);
}

/* Deleting the port closes the adopted listener, with accepts in flight. */
static void of_a_deleted_port(void) {
  struct drive drive;
  struct iocp_address address;
  host_socket peer;
  drive_open(&drive);
  struct drive_socket* listener =
      adopt(&drive, raw_listen("127.0.0.1", &address), 0);
  drive_accept(listener, 8);
  peer = raw_connect(&address);
  drive_delete(&drive);
  raw_close(peer);
  check_is(raw_try_connect(&address, &peer), -IOCP_ECONNREFUSED);
}

TEST_MAIN(TEST_CASE(accepts),
          TEST_CASE(sets_no_delay),
          TEST_CASE(backlog_of_the_maker),
          TEST_CASE(not_listeners),
          TEST_CASE(on_a_port_already),
          TEST_CASE(of_a_deleted_port))
