/* SPDX-License-Identifier: MIT */
/*
 * The address of a listener: free as soon as the listener is closed, in
 * whatever state its connections are, and never shared with another listener.
 *
 * It is hard because on Windows one option decides both: an address that is
 * bound exclusively cannot be bound by another program, but is not free again
 * before all of its connections have ended.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/raw.h"
#include "shared/test.h"

static struct iocp_address address_of(struct drive* drive, int32_t id) {
  struct iocp_address address;
  check_is(
      iocp_get_address(
          drive->port, id, IOCP_LOCAL, &address, sizeof(struct iocp_address)),
      sizeof(struct iocp_address));
  return address;
}

static struct drive_socket* add_listener(struct drive* drive, int32_t id) {
  check(id >= 0);
  struct drive_socket* listener = drive_add(drive, id);
  listener->is_listener = true;
  return listener;
}

/* Accepts one connection, and checks that it works. */
static struct drive_socket* accept_one(struct drive_socket* listener,
                                       const struct iocp_address* address,
                                       host_socket* raw_out) {
  struct drive_socket* socket = NULL;
  drive_accept(listener, 1);
  *raw_out = raw_connect(address);
  drive_until(listener->drive,
              (socket = drive_next_accepted(listener)) != NULL);
  drive_accept(listener, 0);
  return socket;
}

/* The first listener has a connection when the second one is opened, in each
 * state that a connection can have. */
static void again_at_one_address(void) {
  struct drive drive;
  struct iocp_address address = raw_address("127.0.0.1", 0);
  host_socket raws[3];
  struct drive_socket* sockets[3];
  drive_open(&drive);
  for (int i = 0; i < 3; i++) {
    int32_t id = iocp_listen(drive.port, &address, 16, 0);
    struct drive_socket* listener = add_listener(&drive, id);
    address = address_of(&drive, id);
    sockets[i] = accept_one(listener, &address, &raws[i]);
    /* The last connection is open. The one before has ended, and the server
     * sent its FIN first: it is in TIME_WAIT. */
    if (i == 1) {
      drive_close(sockets[i], IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
      check_is(drive_raw_end(&drive, raws[i]), 0);
      raw_close(raws[i]);
      drive_until(&drive, sockets[i]->is_closed);
      check_is(sockets[i]->close_result, 0);
      drive_forget(sockets[i]);
    }
    drive_close_now(listener);
  }
  for (int i = 0; i < 3; i += 2) {
    raw_close(raws[i]);
    drive_close_now(sockets[i]);
  }
  drive_finish(&drive);
}

static void again_at_all_addresses(void) {
  struct drive drive;
  struct iocp_address address = raw_address("0.0.0.0", 0);
  struct iocp_address to;
  host_socket raws[2];
  struct drive_socket* sockets[2];
  drive_open(&drive);
  for (int i = 0; i < 2; i++) {
    int32_t id = iocp_listen(drive.port, &address, 16, 0);
    struct drive_socket* listener = add_listener(&drive, id);
    address = address_of(&drive, id);
    to = raw_address("127.0.0.1", address.port);
    sockets[i] = accept_one(listener, &to, &raws[i]);
    drive_close_now(listener);
  }
  for (int i = 0; i < 2; i++) {
    raw_close(raws[i]);
    drive_close_now(sockets[i]);
  }
  drive_finish(&drive);
}

/* Another program listens at one address of this machine, or at all. */
static void never_beside_another(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  for (int i = 0; i < 2; i++) {
    host_socket other = raw_listen(i == 0 ? "127.0.0.1" : "0.0.0.0", &address);
    struct iocp_address any = raw_address("0.0.0.0", address.port);
    check_is(iocp_listen(drive.port, &any, 16, 0), -IOCP_EADDRINUSE);
    check(iocp_native_error(drive.port) != 0);
    check_is(iocp_listen(drive.port, &address, 16, 0), -IOCP_EADDRINUSE);
    raw_close(other);
  }
  drive_finish(&drive);
}

/* A listener at all addresses excludes one at a single address, and the
 * reverse. */
static void never_beside_its_own(void) {
  struct drive drive;
  drive_open(&drive);
  for (int i = 0; i < 2; i++) {
    struct iocp_address any = raw_address("0.0.0.0", 0);
    struct iocp_address one = raw_address("127.0.0.1", 0);
    int32_t id = iocp_listen(drive.port, i == 0 ? &any : &one, 16, 0);
    struct drive_socket* listener = add_listener(&drive, id);
    any.port = one.port = address_of(&drive, id).port;
    check_is(iocp_listen(drive.port, &any, 16, 0), -IOCP_EADDRINUSE);
    check_is(iocp_listen(drive.port, &one, 16, 0), -IOCP_EADDRINUSE);
    drive_close_now(listener);
  }
  drive_finish(&drive);
}

/* With IPV6_V6ONLY, the two families are separate. */
static void never_beside_the_other_family(void) {
  struct drive drive;
  struct iocp_address address;
  if (!raw_has_family(6)) {
    test_skip("this system has no IPv6");
    return;
  }
  drive_open(&drive);
  host_socket other = raw_listen("127.0.0.1", &address);
  struct iocp_address any = raw_address("::", address.port);
  check_is(iocp_listen(drive.port, &any, 16, 0), -IOCP_EADDRINUSE);
  int32_t id = iocp_listen(drive.port, &any, 16, IOCP_IPV6_ONLY);
  drive_close_now(add_listener(&drive, id));
  raw_close(other);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(again_at_one_address),
          TEST_CASE(again_at_all_addresses),
          TEST_CASE(never_beside_another),
          TEST_CASE(never_beside_its_own),
          TEST_CASE(never_beside_the_other_family))
