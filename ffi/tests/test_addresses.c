/* SPDX-License-Identifier: MIT */
/*
 * Listeners for IPv4, IPv6 and both; which addresses can be bound twice.
 *
 * It is hard because the systems differ: whether an IPv6 wildcard accepts IPv4,
 * what SO_REUSEADDR means, and whether SO_REUSEPORT exists.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define NO_IPV6 "no IPv6 on the loopback"

/* A plain peer connects to literal:port and exchanges bytes. Returns its
 * address as the port sees it. */
static struct iocp_address exchange(struct drive* drive,
                                    struct drive_socket* listener,
                                    const char* literal,
                                    uint16_t port) {
  struct iocp_address address = raw_address(literal, port), peer;
  uint32_t before = listener->accepted_count;
  drive_accept(listener, 2);
  host_socket raw = raw_connect(&address);
  drive_until(drive, listener->accepted_count == before + 1);
  struct drive_socket* socket = drive_next_accepted(listener);
  check_is(iocp_get_address(drive->port,
                            socket->id,
                            IOCP_PEER,
                            &peer,
                            sizeof(struct iocp_address)),
           sizeof(struct iocp_address));
  struct iocp_address raw_own = raw_local(raw);
  check_is(peer.port, raw_own.port);
  drive_sink(socket, 7, 1000);
  drive_raw_send(drive, raw, 7, 0, 10000);
  drive_pump(socket, 9, 10000, 3000);
  drive_raw_expect(drive, raw, 9, 0, 10000);
  drive_until(drive, socket->received == 10000);
  raw_close(raw);
  drive_close_now(socket);
  return peer;
}

static void ipv4(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  struct iocp_address peer =
      exchange(&drive, listener, "127.0.0.1", address.port);
  check_is(peer.family, 4);
  check(memcmp(peer.bytes, "\x7f\0\0\1", 4) == 0);
  drive_finish(&drive);
}

static void ipv6(void) {
  struct drive drive;
  struct iocp_address address, loopback = raw_address("::1", 0);
  if (!raw_has_family(6)) {
    test_skip(NO_IPV6);
    return;
  }
  drive_open(&drive);
  struct drive_socket* listener = drive_listen(&drive, "::1", 0, &address);
  struct iocp_address peer = exchange(&drive, listener, "::1", address.port);
  check_is(peer.family, 6);
  check(memcmp(peer.bytes, loopback.bytes, 16) == 0);
  check(memcmp(address.bytes, loopback.bytes, 16) == 0);
  drive_finish(&drive);
}

static void wildcard_of_ipv4(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  struct drive_socket* listener = drive_listen(&drive, "0.0.0.0", 0, &address);
  exchange(&drive, listener, "127.0.0.1", address.port);
  exchange(&drive, listener, "127.0.0.3", address.port);
  drive_finish(&drive);
}

/* The IPv6 wildcard accepts both, and reports IPv4 peers as mapped
 * addresses. */
static void dual_stack(void) {
  static const uint8_t mapped[16] = {
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1};
  struct drive drive;
  struct iocp_address address;
  if (!raw_has_family(6)) {
    test_skip(NO_IPV6);
    return;
  }
  drive_open(&drive);
  struct drive_socket* listener = drive_listen(&drive, "::", 0, &address);
  for (int i = 0; i < 3; i++) {
    struct iocp_address peer =
        exchange(&drive, listener, "127.0.0.1", address.port);
    check_is(peer.family, 6);
    check(memcmp(peer.bytes, mapped, 16) == 0);
    peer = exchange(&drive, listener, "::1", address.port);
    check_is(peer.family, 6);
  }
  drive_finish(&drive);
}

static void ipv6_only(void) {
  struct drive drive;
  struct iocp_address address;
  host_socket raw;
  if (!raw_has_family(6)) {
    test_skip(NO_IPV6);
    return;
  }
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "::", IOCP_IPV6_ONLY, &address);
  exchange(&drive, listener, "::1", address.port);
  struct iocp_address ipv4 = raw_address("127.0.0.1", address.port);
  check_is(raw_try_connect(&ipv4, &raw), -IOCP_ECONNREFUSED);
  /* So IPv4 can use the same port number. */
  struct iocp_address any = raw_address("0.0.0.0", address.port);
  struct drive_socket* other =
      drive_add(&drive, iocp_listen(drive.port, &any, 16, 0));
  other->is_listener = true;
  exchange(&drive, other, "127.0.0.1", address.port);
  exchange(&drive, listener, "::1", address.port);
  drive_finish(&drive);
}

/* iocp_connect() over each family, to a plain listener. */
static void connect_to(const char* literal) {
  struct drive drive;
  struct iocp_address address, seen;
  drive_open(&drive);
  host_socket listener = raw_listen(literal, &address);
  struct drive_socket* socket = drive_connect(&drive, &address);
  drive_until(&drive, socket->connect_result != DRIVE_NOTHING);
  check_is(socket->connect_result, 0);
  host_socket raw = raw_accept(listener);
  drive_sink(socket, 7, 1000);
  drive_raw_send(&drive, raw, 7, 0, 5000);
  drive_until(&drive, socket->received == 5000);
  check_is(iocp_get_address(drive.port,
                            socket->id,
                            IOCP_PEER,
                            &seen,
                            sizeof(struct iocp_address)),
           sizeof(struct iocp_address));
  check(memcmp(&seen, &address, sizeof seen) == 0);
  raw_close(raw);
  raw_close(listener);
  drive_finish(&drive);
}

static void connect_over_ipv4(void) { connect_to("127.0.0.1"); }

static void connect_over_ipv6(void) {
  if (raw_has_family(6))
    connect_to("::1");
  else
    test_skip(NO_IPV6);
}

/* No other socket can bind the address of a listener, in either order. */
static void address_in_use(void) {
  struct drive drive;
  struct iocp_address address, other;
  drive_open(&drive);
  drive_listen(&drive, "127.0.0.1", 0, &address);
  check_is(iocp_listen(drive.port, &address, 1, 0), -IOCP_EADDRINUSE);
  host_socket raw = raw_listen("127.0.0.1", &other);
  check_is(iocp_listen(drive.port, &other, 1, 0), -IOCP_EADDRINUSE);
  raw_close(raw);
  /* Not even with the option that permits it on Windows. */
  check(raw_hijack(&address) < 0);
  drive_finish(&drive);
}

static void reuse_port(void) {
  struct drive drive;
  struct iocp_address address = raw_address("127.0.0.1", 0);
  struct drive_socket* listeners[2];
  drive_open(&drive);
  int32_t id = iocp_listen(drive.port, &address, 64, IOCP_REUSE_PORT);
  if (id == -IOCP_ENOTSUP) {
    test_skip("this system has no SO_REUSEPORT, and listen() says so");
    drive_finish(&drive);
    return;
  }
  listeners[0] = drive_add(&drive, id);
  check_is(
      iocp_get_address(
          drive.port, id, IOCP_LOCAL, &address, sizeof(struct iocp_address)),
      sizeof(struct iocp_address));
  listeners[1] =
      drive_add(&drive, iocp_listen(drive.port, &address, 64, IOCP_REUSE_PORT));
  /* Both listeners need the flag. */
  check_is(iocp_listen(drive.port, &address, 1, 0), -IOCP_EADDRINUSE);
  for (int i = 0; i < 2; i++) {
    listeners[i]->is_listener = true;
    drive_accept(listeners[i], 4);
  }
  for (uint32_t i = 1; i <= 20; i++) {
    host_socket raw = raw_connect(&address);
    drive_until(
        &drive,
        listeners[0]->accepted_count + listeners[1]->accepted_count == i);
    raw_close(raw);
  }
  drive_finish(&drive);
}

/* A restarted server can bind its address although connections of the former
 * one are still open. */
static void restart_with_connections(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 1);
  host_socket raw = raw_connect(&address);
  drive_until(&drive, listener->accepted_first != NULL);
  struct drive_socket* old = drive_next_accepted(listener);
  drive_close_now(listener);
  struct drive_socket* again =
      drive_add(&drive, iocp_listen(drive.port, &address, 16, 0));
  again->is_listener = true;
  exchange(&drive, again, "127.0.0.1", address.port);
  drive_pump(old, 9, 100, 100);
  drive_raw_expect(&drive, raw, 9, 0, 100);
  raw_close(raw);
  drive_finish(&drive);
}

/* A link-local address of an interface that does not exist. */
static void unknown_zone(void) {
  struct drive drive;
  if (!raw_has_family(6)) {
    test_skip("this system has no IPv6");
    return;
  }
  drive_open(&drive);
  struct iocp_address address = raw_address("fe80::1", 0);
  address.scope = INT32_MAX;
  int32_t result = iocp_listen(drive.port, &address, 1, 0);
  check(result == -IOCP_EADDRNOTAVAIL || result == -IOCP_EINVAL);
  drive_finish(&drive);
}

/* Callers in other languages have addresses in byte arrays of any alignment.
 * Only a sanitizer notices an access as an aligned struct. */
static void at_any_alignment(void) {
  struct drive drive;
  struct iocp_address address = raw_address("127.0.0.1", 0);
  uint8_t room[2 * sizeof address + 1];
  drive_open(&drive);
  for (uint32_t shift = 0; shift < 2; shift++) {
    uint8_t* bytes = room + shift;
    memcpy(bytes, &address, sizeof address);
    struct drive_socket* listener =
        drive_add(&drive, iocp_listen(drive.port, bytes, 16, 0));
    listener->is_listener = true;
    check_is(iocp_get_address(drive.port,
                              listener->id,
                              IOCP_LOCAL,
                              bytes,
                              sizeof(struct iocp_address)),
             sizeof(struct iocp_address));
    memcpy(bytes + sizeof address, &address, sizeof address);
    struct drive_socket* socket = drive_add(
        &drive, iocp_connect(drive.port, bytes, bytes + sizeof address));
    socket->connect_pending = true;
    drive_until(&drive, socket->connect_result == 0);
    check_is(iocp_resolve("127.0.0.1", 9, bytes, 1), 1);
    check(memcmp(bytes, &address, sizeof address) == 0);
  }
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(ipv4),
          TEST_CASE(ipv6),
          TEST_CASE(wildcard_of_ipv4),
          TEST_CASE(dual_stack),
          TEST_CASE(ipv6_only),
          TEST_CASE(connect_over_ipv4),
          TEST_CASE(connect_over_ipv6),
          TEST_CASE(address_in_use),
          TEST_CASE(reuse_port),
          TEST_CASE(restart_with_connections),
          TEST_CASE(unknown_zone),
          TEST_CASE(at_any_alignment))
