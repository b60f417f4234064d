/* SPDX-License-Identifier: MIT */
/*
 * A datagram socket that is connected and disconnected keeps its port; groups
 * are joined and left, with an interface and with a source; options are read
 * back as they were set, and are those of the packets.
 *
 * It is hard because Linux takes the port away from a socket whose connection
 * is dissolved, and because an IPv6 socket has options and groups of both
 * families.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/raw.h"
#include "shared/test.h"

/* ---- connecting */

/* Wine leaves the port to Linux, which takes it away. */
static bool is_lost(int32_t port,
                    int32_t id,
                    const struct iocp_address* address) {
  struct iocp_address now;
  check_is(iocp_get_address(port, id, IOCP_LOCAL, &now, sizeof now), 24);
  return host_posts_operations() && now.port != address->port;
}

static void keeps_its_port_over(const char* literal, const char* wildcard) {
  struct drive drive;
  struct iocp_address address, to, other_address, now;
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* socket = drive_bind(&drive, wildcard, 0, &address);
  struct drive_socket* peer = drive_bind(&drive, literal, 0, &to);
  struct drive_socket* other = drive_bind(&drive, literal, 0, &other_address);
  struct iocp_address back = raw_address(literal, address.port);
  int32_t port = drive.port;
  drive_receive(socket, 1 << 20);
  drive_receive(peer, 1 << 20);
  for (uint32_t i = 0; i < 3; i++) {
    check_is(iocp_connect_datagram(port, socket->id, &to), 0);
    check_is(iocp_get_address(port, socket->id, IOCP_PEER, &now, sizeof now),
             24);
    check(memcmp(&now, &to, sizeof now) == 0);
    check_is(drive_send_to(socket, "x", 1, NULL), 1);
    drive_until(&drive, peer->datagram_count == i + 1);
    check_is(peer->last.from.port, address.port);
    /* The system receives from the peer alone. */
    check_is(drive_send_to(other, "o", 1, &back), 1);
    check_is(drive_send_to(peer, "p", 1, &back), 1);
    drive_until(&drive, socket->datagram_count == 2 * i + 1);
    check_is(socket->last.from.port, to.port);
    check_is(iocp_connect_datagram(port, socket->id, NULL), 0);
    if (is_lost(port, socket->id, &address)) {
      test_skip("this system (Wine) takes the port away from the socket");
      break;
    }
    check_is(drive_send_to(socket, "x", 1, NULL), -IOCP_EDESTADDRREQ);
    check_is(iocp_get_address(port, socket->id, IOCP_PEER, &now, sizeof now),
             -IOCP_ENOTCONN);
    check_is(iocp_get_address(port, socket->id, IOCP_LOCAL, &now, sizeof now),
             24);
    check(memcmp(&now, &address, sizeof now) == 0);
    check_is(drive_send_to(other, "o", 1, &back), 1);
    drive_until(&drive, socket->datagram_count == 2 * i + 2);
    check_is(socket->last.from.port, other_address.port);
  }
  struct iocp_address none = {.family = 0};
  check_is(iocp_connect_datagram(port, socket->id, &none), -IOCP_EAFNOSUPPORT);
  drive_finish(&drive);
}

/* Linux alone would deliver nothing by IPv6 after a connection by IPv4. */
static void receives_by_both_families(void) {
  struct drive drive;
  struct iocp_address address, to4, to6;
  if (!raw_has_family(6) || !drive_open_datagrams(&drive)) return;
  struct drive_socket* socket = drive_bind(&drive, "::", 0, &address);
  struct drive_socket* peer4 = drive_bind(&drive, "127.0.0.1", 0, &to4);
  struct drive_socket* peer6 = drive_bind(&drive, "::1", 0, &to6);
  struct iocp_address back4 = raw_address("127.0.0.1", address.port);
  struct iocp_address back6 = raw_address("::1", address.port);
  drive_receive(socket, 1 << 20);
  check_is(iocp_connect_datagram(drive.port, socket->id, &to4), 0);
  check_is(iocp_connect_datagram(drive.port, socket->id, NULL), 0);
  if (is_lost(drive.port, socket->id, &address)) {
    test_skip("this system (Wine) takes the port away from the socket");
    drive_finish(&drive);
    return;
  }
  check_is(drive_send_to(peer6, "6", 1, &back6), 1);
  drive_until(&drive, socket->datagram_count == 1);
  check_is(socket->last.from.port, to6.port);
  check_is(drive_send_to(peer4, "4", 1, &back4), 1);
  drive_until(&drive, socket->datagram_count == 2);
  check_is(socket->last.from.port, to4.port);
  check_is(iocp_connect_datagram(drive.port, socket->id, &to4), 0);
  check_is(iocp_connect_datagram(drive.port, socket->id, &to6), 0);
  drive_finish(&drive);
}

static void keeps_its_port(void) {
  keeps_its_port_over("127.0.0.1", "127.0.0.1");
  keeps_its_port_over("127.0.0.1", "0.0.0.0");
  if (raw_has_family(6)) keeps_its_port_over("::1", "::");
}

/* ---- groups */

#define GROUP "239.255.77.1"
#define GROUP6 "ff02::4d:1"
/* Of the interface beside the loopback that tests have. */
#define SECOND_ADDRESS "198.18.0.1"

/* Another socket of that port, or a socket of another one on a system that does
 * not share ports. */
static struct drive_socket* bind_shared(struct drive* drive, uint16_t number) {
  struct iocp_address address = raw_address("0.0.0.0", number);
  int32_t id =
      iocp_bind(drive->port, &address, IOCP_REUSE_PORT, IOCP_MODE_DEFAULT);
  if (id == -IOCP_ENOTSUP) return drive_bind(drive, "0.0.0.0", 0, &address);
  struct drive_socket* socket = drive_add(drive, id);
  socket->is_datagram = true;
  return socket;
}

/* Sets the interface for groups. */
static void send_over(struct drive_socket* sender, int32_t interface) {
  int32_t port = sender->drive->port;
  check_is(
      iocp_set_option(port, sender->id, IOCP_MULTICAST_INTERFACE, interface),
      0);
  check_is(iocp_get_option(port, sender->id, IOCP_MULTICAST_INTERFACE),
           interface);
}

static void groups_of_ipv4(void) {
  struct drive drive;
  struct iocp_address address, from;
  struct iocp_address loopback = raw_address("127.0.0.1", 0);
  struct iocp_address group = raw_address(GROUP, 0);
  if (!drive_open_datagrams(&drive)) return;
  int32_t port = drive.port;
  int32_t interface = iocp_interface_index(port, &loopback);
  check(interface > 0);
  /* The port is shared with another socket below. */
  struct drive_socket* receiver = bind_shared(&drive, 0);
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  int32_t id = receiver->id;
  check_is(iocp_get_address(port, id, IOCP_LOCAL, &address, sizeof address),
           24);
  uint32_t index = (uint32_t)interface;
  send_over(sender, interface);
  group.port = address.port;
  drive_receive(receiver, 1 << 20);
  /* It does not join, so it receives nothing, though the other one does. */
  struct drive_socket* apart = bind_shared(&drive, address.port);
  drive_receive(apart, 1 << 20);
  check_is(drive_send_to(sender, "1", 1, &group), 1);
  check_is(iocp_membership(port, id, &group, NULL, index, 1), 0);
  check_is(iocp_membership(port, id, &group, NULL, index, 1), -IOCP_EADDRINUSE);
  check_is(drive_send_to(sender, "2", 1, &group), 1);
  drive_until(&drive, receiver->datagram_count == 1);
  check(memcmp(&receiver->last.from, &from, sizeof from) == 0);
  check_is(apart->datagram_count, 0);
  check_is(iocp_membership(port, id, &group, NULL, index, 0), 0);
  check_is(iocp_membership(port, id, &group, NULL, index, 0),
           -IOCP_EADDRNOTAVAIL);
  struct iocp_address not_a_group = raw_address("127.0.0.1", 0);
  check(iocp_membership(port, id, &not_a_group, NULL, 0, 1) < 0);
  check_is(iocp_membership(port, id, &group, NULL, 999999, 1),
           -IOCP_EADDRNOTAVAIL);
  struct iocp_address nowhere = raw_address("192.0.2.1", 0);
  check_is(iocp_interface_index(port, &nowhere), -IOCP_EADDRNOTAVAIL);
  check_is(iocp_interface_index(port, NULL), -IOCP_EFAULT);
  drive_finish(&drive);
}

/* Whether a membership can have a source. Wine passes the members of
 * IP_MREQ_SOURCE to Linux, which has them in another order, and takes the
 * source for the address of an interface. */
static bool has_sources(struct drive_socket* receiver, uint32_t index) {
  struct iocp_address group = raw_address(GROUP, 0);
  /* No interface here has it (RFC 5737). */
  struct iocp_address source = raw_address("192.0.2.99", 0);
  int32_t port = receiver->drive->port;
  int32_t result =
      iocp_membership(port, receiver->id, &group, &source, index, 1);
  if (host_posts_operations() && result == -IOCP_EINVAL) {
    test_skip("this system (Wine) selects no source");
    return false;
  }
  check_is(result, 0);
  check_is(iocp_membership(port, receiver->id, &group, &source, index, 0), 0);
  return true;
}

static void group_of_one_source(void) {
  struct drive drive;
  struct iocp_address address, from;
  struct iocp_address source = raw_address("127.0.0.1", 0);
  struct iocp_address other = raw_address("127.0.0.2", 0);
  struct iocp_address group = raw_address(GROUP, 0);
  if (!drive_open_datagrams(&drive)) return;
  int32_t port = drive.port;
  int32_t interface = iocp_interface_index(port, &source);
  check(interface > 0);
  uint32_t index = (uint32_t)interface;
  struct drive_socket* receiver = drive_bind(&drive, "0.0.0.0", 0, &address);
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  int32_t id = receiver->id;
  group.port = address.port;
  send_over(sender, interface);
  if (has_sources(receiver, index)) {
    drive_receive(receiver, 1 << 20);
    check_is(iocp_membership(port, id, &group, &other, index, 1), 0);
    check_is(drive_send_to(sender, "4", 1, &group), 1);
    drive_for(&drive, 50);
    check_is(receiver->datagram_count, 0);
    check_is(iocp_membership(port, id, &group, &source, index, 1), 0);
    check_is(iocp_membership(port, id, &group, &other, index, 0), 0);
    check_is(drive_send_to(sender, "5", 1, &group), 1);
    drive_until(&drive, receiver->datagram_count == 1);
    check_is(iocp_membership(port, id, &group, &source, index, 0), 0);
  }
  drive_finish(&drive);
}

/* The index of that interface (scripts/setup/network.js), or 0 where there is
 * none, and the case is skipped. Over its loopback Linux has no route to groups
 * of IPv6, and delivers datagrams to groups whatever IOCP_MULTICAST_LOOP is. */
static uint32_t second_interface(int32_t port) {
  struct iocp_address address = raw_address(SECOND_ADDRESS, 0);
  int32_t index = iocp_interface_index(port, &address);
  if (index > 0) return (uint32_t)index;
  check_is(index, -IOCP_EADDRNOTAVAIL);
  test_skip("npm test makes a second interface");
  return 0;
}

/* An IPv6 socket is in groups of both families. */
static void groups_of_both(void) {
  struct drive drive;
  struct iocp_address address, from;
  struct iocp_address group = raw_address(GROUP6, 0);
  struct iocp_address group4 = raw_address(GROUP, 0);
  if (!raw_has_family(6)) {
    test_skip("this system has no IPv6");
    return;
  }
  if (!drive_open_datagrams(&drive)) return;
  int32_t port = drive.port;
  uint32_t index = second_interface(port);
  if (index != 0) {
    struct drive_socket* receiver = drive_bind(&drive, "::", 0, &address);
    struct drive_socket* sender = drive_bind(&drive, "::", 0, &from);
    struct drive_socket* sender4 = drive_bind(&drive, "0.0.0.0", 0, &from);
    int32_t id = receiver->id;
    send_over(sender, (int32_t)index);
    send_over(sender4, (int32_t)index);
    check_is(iocp_membership(port, id, &group, NULL, index, 1), 0);
    check_is(iocp_membership(port, id, &group4, NULL, index, 1), 0);
    drive_receive(receiver, 1000);
    group.port = group4.port = address.port;
    check_is(drive_send_to(sender, "6", 1, &group), 1);
    drive_until(&drive, receiver->datagram_count == 1);
    check_is(receiver->last.from.scope, index);
    check_is(drive_send_to(sender4, "4", 1, &group4), 1);
    drive_until(&drive, receiver->datagram_count == 2);
    check_is(receiver->last.from.port, from.port);
  }
  drive_finish(&drive);
}

/* Two sockets of one group address each receive all of it. */
static void one_address_of_several(void) {
  struct drive drive;
  struct iocp_address group = raw_address(GROUP, 0);
  struct iocp_address from;
  struct iocp_address loopback = raw_address("127.0.0.1", 0);
  if (!drive_open_datagrams(&drive)) return;
  int32_t port = drive.port;
  uint32_t index = (uint32_t)iocp_interface_index(port, &loopback);
  int32_t id = iocp_bind(port, &group, IOCP_REUSE_ADDRESS, IOCP_MODE_DEFAULT);
  if (id == -IOCP_ENOTSUP) {
    drive_finish(&drive);
    test_skip("this system binds no group address");
    return;
  }
  struct drive_socket* a = drive_add(&drive, id);
  check_is(iocp_get_address(port, id, IOCP_LOCAL, &group, sizeof group), 24);
  struct drive_socket* b = drive_add(
      &drive, iocp_bind(port, &group, IOCP_REUSE_ADDRESS, IOCP_MODE_DEFAULT));
  a->is_datagram = b->is_datagram = true;
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  check_is(iocp_set_option(
               port, sender->id, IOCP_MULTICAST_INTERFACE, (int32_t)index),
           0);
  check_is(iocp_membership(port, a->id, &group, NULL, index, 1), 0);
  check_is(iocp_membership(port, b->id, &group, NULL, index, 1), 0);
  drive_receive(a, 1000);
  drive_receive(b, 1000);
  check_is(drive_send_to(sender, "x", 1, &group), 1);
  drive_until(&drive, a->datagram_count == 1 && b->datagram_count == 1);
  drive_finish(&drive);
}

/* ---- options */

static void check_values(
    int32_t port, int32_t id, uint32_t option, int32_t min, int32_t max) {
  check_is(iocp_set_option(port, id, option, min), 0);
  check_is(iocp_get_option(port, id, option), min);
  check_is(iocp_set_option(port, id, option, max), 0);
  check_is(iocp_get_option(port, id, option), max);
  check_is(iocp_set_option(port, id, option, min - 1), -IOCP_EINVAL);
  check_is(iocp_set_option(port, id, option, max + 1), -IOCP_EINVAL);
  check_is(iocp_get_option(port, id, option), max);
}

static void options_of(const char* literal) {
  struct drive drive;
  struct iocp_address address;
  if (!drive_open_datagrams(&drive)) return;
  int32_t port = drive.port;
  int32_t id = drive_bind(&drive, literal, 0, &address)->id;
  check_is(iocp_get_option(port, id, IOCP_BROADCAST), 0);
  check_is(iocp_get_option(port, id, IOCP_MULTICAST_LOOP), 1);
  check_is(iocp_get_option(port, id, IOCP_MULTICAST_TTL), 1);
  check_is(iocp_get_option(port, id, IOCP_MULTICAST_INTERFACE), 0);
  check_is(iocp_get_option(port, id, IOCP_OFFLOAD), 0);
  check_values(port, id, IOCP_BROADCAST, 0, 1);
  check_values(port, id, IOCP_TTL, 1, 255);
  check_values(port, id, IOCP_MULTICAST_TTL, 0, 255);
  check_values(port, id, IOCP_MULTICAST_LOOP, 0, 1);
  check_values(port, id, IOCP_SEND_CONCURRENCY, 1, IOCP_CONCURRENCY_MAX);
  check_is(iocp_set_option(port, id, IOCP_SYSTEM_SEND_BUFFER, 20000), 0);
  check_is(iocp_get_option(port, id, IOCP_SYSTEM_SEND_BUFFER), 20000);
  check_is(iocp_set_option(port, id, IOCP_SYSTEM_RECEIVE_BUFFER, 30000), 0);
  check_is(iocp_get_option(port, id, IOCP_SYSTEM_RECEIVE_BUFFER), 30000);
  /* Those of streams and listeners are not its own. */
  check_is(iocp_set_option(port, id, IOCP_NO_DELAY, 1), -IOCP_EINVAL);
  check_is(iocp_get_option(port, id, IOCP_BACKLOG), -IOCP_EINVAL);
  drive_finish(&drive);
}

static void options(void) {
  options_of("127.0.0.1");
  if (raw_has_family(6)) options_of("::");
}

/* Packets have the TTL of the option, whichever family the socket has. */
static void ttl_over(const char* from, const char* to) {
  static const int32_t values[] = {1, 77, 255};
  struct drive drive;
  struct iocp_address address, target;
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* sender = drive_bind(&drive, from, 0, &address);
  host_socket receiver = raw_bind_datagram(to, &target);
  drive_set(sender, IOCP_MULTICAST_TTL, 33);
  for (int i = 0; i < 3; i++) {
    drive_set(sender, IOCP_TTL, values[i]);
    check_is(drive_send_to(sender, "x", 1, &target), 1);
    check_is(host_socket_receive_hops(receiver), values[i]);
  }
  raw_close(receiver);
  drive_finish(&drive);
}

/* Those to a group have a TTL of their own. */
static void ttl_to_group(const char* wildcard, const char* literal) {
  struct drive drive;
  struct iocp_address address, from;
  struct iocp_address local = raw_address(SECOND_ADDRESS, 0);
  struct iocp_address group = raw_address(literal, 0);
  if (!drive_open_datagrams(&drive)) return;
  uint32_t index = second_interface(drive.port);
  if (index != 0) {
    host_socket receiver = raw_bind_datagram(wildcard, &address);
    struct drive_socket* sender = drive_bind(&drive, wildcard, 0, &from);
    group.port = address.port;
    raw_join(receiver, &group, &local, index);
    send_over(sender, (int32_t)index);
    drive_set(sender, IOCP_TTL, 33);
    check_is(drive_send_to(sender, "x", 1, &group), 1);
    check_is(host_socket_receive_hops(receiver), 1);
    for (int32_t ttl = 5; ttl < 8; ttl++) {
      drive_set(sender, IOCP_MULTICAST_TTL, ttl);
      check_is(drive_send_to(sender, "x", 1, &group), 1);
      check_is(host_socket_receive_hops(receiver), ttl);
    }
    raw_close(receiver);
  }
  drive_finish(&drive);
}

static void ttl(void) {
  ttl_over("127.0.0.1", "127.0.0.1");
  ttl_to_group("0.0.0.0", GROUP);
  if (!raw_has_family(6)) return;
  ttl_over("::1", "::1");
  ttl_over("::", "127.0.0.1");
  ttl_to_group("::", GROUP6);
}

/* Only with IOCP_MULTICAST_LOOP does the sender's machine get them as well. */
static void loop_over(const char* wildcard, const char* literal) {
  struct drive drive;
  struct iocp_address address, from;
  struct iocp_address group = raw_address(literal, 0);
  if (!drive_open_datagrams(&drive)) return;
  int32_t port = drive.port;
  uint32_t index = second_interface(port);
  if (index != 0) {
    struct drive_socket* receiver = drive_bind(&drive, wildcard, 0, &address);
    struct drive_socket* sender = drive_bind(&drive, wildcard, 0, &from);
    group.port = address.port;
    send_over(sender, (int32_t)index);
    check_is(iocp_membership(port, receiver->id, &group, NULL, index, 1), 0);
    drive_receive(receiver, 1000);
    for (uint32_t i = 0; i < 3; i++) {
      drive_set(sender, IOCP_MULTICAST_LOOP, i != 1);
      /* On Windows the receiver decides, though not under Wine. */
      if (host_posts_operations())
        drive_set(receiver, IOCP_MULTICAST_LOOP, i != 1);
      check_is(drive_send_to(sender, "abc", i + 1, &group), i + 1);
    }
    drive_until(&drive, receiver->datagram_count >= 2);
    drive_for(&drive, 50);
    check_is(receiver->received, 1 + 3);
  }
  drive_finish(&drive);
}

static void multicast_loop(void) {
  loop_over("0.0.0.0", GROUP);
  if (raw_has_family(6)) loop_over("::", GROUP6);
}

/* ---- IOCP_OFFLOAD: what is passed as one arrives one by one */

#define MANY 500

static uint32_t length_of(uint32_t number) {
  /* Runs of equal lengths, some of which end with a shorter one. */
  uint32_t lengths[] = {1200, 1200, 1200, 700, 64, 64, 64, 64, 0, 8, 1200};
  return lengths[number / 7 % 11] -
         (number % 7 == 6 && number % 2 == 0 && lengths[number / 7 % 11] > 8);
}

static void expect_in_order(struct drive_socket* socket,
                            const struct iocp_datagram* datagram,
                            const uint8_t* data) {
  uint32_t number = socket->datagram_count;
  check_is(datagram->length, length_of(number));
  check_is(datagram->size, datagram->length);
  for (uint32_t i = 0; i < datagram->length; i++)
    check_is(data[i], (uint8_t)(number + i));
}

static uint8_t many[MANY * 1300];

static uint32_t pack_many(const struct iocp_address* to) {
  uint8_t bytes[1200];
  uint32_t size = 0;
  for (uint32_t i = 0; i < MANY; i++) {
    for (uint32_t k = 0; k < sizeof bytes; k++) bytes[k] = (uint8_t)(i + k);
    size += drive_pack(many + size, to, bytes, length_of(i));
  }
  return size;
}

static void offloads_over(const char* literal, bool receives, bool sends) {
  struct drive drive;
  struct iocp_address to, from;
  if (!drive_open_datagrams(&drive)) return;
  drive.on_datagram = expect_in_order;
  int32_t port = drive.port;
  struct drive_socket* receiver = drive_bind(&drive, literal, 0, &to);
  struct drive_socket* sender = drive_bind(&drive, literal, 0, &from);
  check_is(
      iocp_set_option(port, receiver->id, IOCP_SYSTEM_RECEIVE_BUFFER, 2 << 20),
      0);
  if (iocp_set_option(port, receiver->id, IOCP_OFFLOAD, receives) ==
      -IOCP_ENOTSUP) {
    drive_finish(&drive);
    test_skip("this system has no offload");
    return;
  }
  check_is(iocp_set_option(port, sender->id, IOCP_OFFLOAD, sends), 0);
  check_is(iocp_get_option(port, sender->id, IOCP_OFFLOAD), sends);
  drive_receive(receiver, 1 << 30);
  uint32_t size = pack_many(&to);
  check_is(drive_send_many(sender, many, size, MANY), MANY);
  drive_until(&drive, receiver->datagram_count == MANY);
  drive_finish(&drive);
}

static void offload(void) {
  offloads_over("127.0.0.1", true, true);
  offloads_over("127.0.0.1", false, true);
  offloads_over("127.0.0.1", true, false);
  if (raw_has_family(6)) offloads_over("::1", true, true);
}

/* Several that came as one are received into buffers one by one. */
static void offload_into_a_buffer(void) {
  struct drive drive;
  struct iocp_address to, from;
  struct iocp_datagram datagram;
  uint8_t bytes[1200];
  if (!drive_open_datagrams(&drive)) return;
  int32_t port = drive.port;
  struct drive_socket* receiver = drive_bind(&drive, "127.0.0.1", 0, &to);
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  if (iocp_set_option(port, receiver->id, IOCP_OFFLOAD, 1) == -IOCP_ENOTSUP) {
    drive_finish(&drive);
    test_skip("this system has no offload");
    return;
  }
  check_is(iocp_set_option(port, sender->id, IOCP_OFFLOAD, 1), 0);
  pack_many(&to);
  uint32_t size = 0;
  for (uint32_t i = 0; i < 40; i++) size += 32 + ((length_of(i) + 7) & ~7u);
  check_is(drive_send_many(sender, many, size, 40), 40);
  for (uint32_t i = 0; i < 40; i++) {
    int32_t result;
    while ((result = drive_receive_from(
                receiver, bytes, sizeof bytes, &datagram, NULL)) ==
           IOCP_PENDING)
      drive_until(&drive, receiver->read_result == 0);
    check_is(result, length_of(i));
    check_is(datagram.size, length_of(i));
    if (result != 0) check_is(bytes[0], (uint8_t)i);
  }
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(keeps_its_port),
          TEST_CASE(receives_by_both_families),
          TEST_CASE(groups_of_ipv4),
          TEST_CASE(group_of_one_source),
          TEST_CASE(groups_of_both),
          TEST_CASE(one_address_of_several),
          TEST_CASE(options),
          TEST_CASE(ttl),
          TEST_CASE(multicast_loop),
          TEST_CASE(offload),
          TEST_CASE(offload_into_a_buffer))
