/* SPDX-License-Identifier: MIT */
/*
 * Datagrams are sent at once, or are copied while the kernel has no room, and
 * then leave in order, each of them whole and with its own destination.
 *
 * It is hard because one call sends to many, of which any may fail, and because
 * room in the kernel is reported late or never.
 */
#include <stdlib.h>
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define UDP_MAX 65507
#define UDP6_MAX 65527
#define DATAGRAMS 300

static uint8_t memory[DATAGRAMS * 1600];
static uint8_t data[UDP6_MAX + 1];

/* The next number that a receiver expects, one for each socket. */
static void expect_number(struct drive_socket* socket,
                          const struct iocp_datagram* datagram,
                          const uint8_t* bytes) {
  uint32_t number;
  check(datagram->length >= sizeof number);
  memcpy(&number, bytes, sizeof number);
  check_is(number, socket->datagram_count);
}

static uint32_t pack_number(uint8_t* to,
                            const struct iocp_address* address,
                            uint32_t number,
                            uint32_t length) {
  memcpy(data, &number, sizeof number);
  return drive_pack(to, address, data, length);
}

static void many_to_several(void) {
  struct drive drive;
  struct iocp_address to[3], from;
  struct drive_socket* receivers[3];
  uint32_t size = 0;
  if (!drive_open_datagrams(&drive)) return;
  drive.on_datagram = expect_number;
  for (int i = 0; i < 3; i++) {
    receivers[i] = drive_bind(&drive, "127.0.0.1", 0, &to[i]);
    drive_receive(receivers[i], 1 << 24);
  }
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  for (uint32_t i = 0; i < 99; i++)
    size += pack_number(memory + size, &to[i % 3], i / 3, 4 + i % 70);
  check_is(drive_send_many(sender, memory, size, 99), 99);
  for (int i = 0; i < 3; i++)
    drive_until(&drive, receivers[i]->datagram_count == 33);
  struct iocp_socket_stats stats;
  check_is(iocp_socket_stats(drive.port, sender->id, &stats), 0);
  check_is(stats.datagrams_sent, 99);
  uint64_t bytes = 0;
  for (int i = 0; i < 3; i++) bytes += receivers[i]->received;
  check_is(stats.bytes_sent, bytes);
  check_is(iocp_socket_stats(drive.port, receivers[0]->id, &stats), 0);
  check_is(stats.datagrams_received, 33);
  check_is(stats.datagrams_dropped, 0);
  drive_finish(&drive);
}

/* Those before the first one that fails are taken. */
static void one_of_many_fails(void) {
  struct drive drive;
  struct iocp_address to, from;
  struct iocp_address bad = raw_address("::1", 9);
  if (!drive_open_datagrams(&drive)) return;
  drive.on_datagram = expect_number;
  struct drive_socket* receiver = drive_bind(&drive, "127.0.0.1", 0, &to);
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  drive_receive(receiver, 1 << 20);
  uint32_t first = 0;
  for (uint32_t i = 0; i < 20; i++)
    first += pack_number(memory + first, &to, i, 8);
  uint32_t size = first + pack_number(memory + first, &bad, 0, 8);
  size += pack_number(memory + size, &to, 20, 8);
  check_is(drive_send_many(sender, memory, size, 22), 20);
  check_is(drive_send_many(sender, memory + first, size - first, 2),
           -IOCP_EAFNOSUPPORT);
  check_is(drive_send_many(sender, memory + size - 40, 40, 1), 1);
  drive_until(&drive, receiver->datagram_count == 21);
  drive_finish(&drive);
}

static void too_long_over(const char* literal, uint32_t max) {
  struct drive drive;
  struct iocp_address to, from;
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* receiver = drive_bind(&drive, literal, 0, &to);
  struct drive_socket* sender = drive_bind(&drive, literal, 0, &from);
  drive_receive(receiver, 1 << 20);
  check_is(drive_send_to(sender, data, max + 1, &to), -IOCP_EMSGSIZE);
  check(iocp_native_error(drive.port) != 0);
  check_is(
      iocp_send_to(drive.port, sender->id, data, 0, IOCP_SEND_MAX + 1, &to),
      -IOCP_EMSGSIZE);
  check_is(drive_send_to(sender, data, max, &to), max);
  drive_until(&drive, receiver->datagram_count == 1);
  check_is(receiver->received, max);
  check_is(receiver->last.size, max);
  drive_finish(&drive);
}

static void too_long(void) {
  too_long_over("127.0.0.1", UDP_MAX);
  if (raw_has_family(6)) too_long_over("::1", UDP6_MAX);
}

static void wrong_arguments(void) {
  struct drive drive;
  struct iocp_address at, none = {.family = 0};
  struct iocp_datagram header = {.length = 8};
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* socket = drive_bind(&drive, "127.0.0.1", 0, &at);
  int32_t port = drive.port;
  int32_t id = socket->id;
  check_is(iocp_bind(port, NULL, 0, 0), -IOCP_EFAULT);
  check_is(iocp_bind(port, &none, 0, 0), -IOCP_EAFNOSUPPORT);
  check_is(iocp_bind(port, &at, IOCP_ALL_NO_DELAY, 0), -IOCP_EINVAL);
  check_is(iocp_bind(port, &at, IOCP_REPLACE_STALE, 0), -IOCP_EINVAL);
  /* It would get the datagrams of others. */
  check_is(iocp_bind(port, &at, IOCP_REUSE_ADDRESS, 0), -IOCP_EINVAL);
  check_is(iocp_bind(port, &at, 0, 0), -IOCP_EADDRINUSE);
  check_is(iocp_send_to(port, id, NULL, 0, 1, &at), -IOCP_EFAULT);
  check_is(iocp_send_to(port, id, "x", 0, 1, NULL), -IOCP_EDESTADDRREQ);
  check_is(iocp_send_to(port, id, "x", 0, 1, &none), -IOCP_EAFNOSUPPORT);
  check_is(iocp_send_many(port, id, NULL, 40, 1), -IOCP_EFAULT);
  memcpy(memory, &header, sizeof header);
  check_is(iocp_send_many(port, id, memory, 40, 0), -IOCP_EINVAL);
  check_is(iocp_send_many(port, id, memory, 39, 1), -IOCP_EINVAL);
  check_is(iocp_send_many(port, id, memory, 31, 1), -IOCP_EINVAL);
  check_is(iocp_send_many(port, id, memory, 40, 2), -IOCP_EINVAL);
  check_is(iocp_send_many(port, id, memory, 40, UINT32_MAX), -IOCP_EINVAL);
  check_is(iocp_send_many(port, id, memory, 40, 1), -IOCP_EDESTADDRREQ);
  header.length = UINT32_MAX - 6;
  memcpy(memory, &header, sizeof header);
  check_is(iocp_send_many(port, id, memory, sizeof memory, 1), -IOCP_EINVAL);
  header.length = 0;
  header.from.family = IOCP_UNIX;
  header.from.port = IOCP_DATAGRAM_PATH_MAX + 1;
  memcpy(memory, &header, sizeof header);
  check_is(iocp_send_many(port, id, memory, sizeof memory, 1), -IOCP_EINVAL);
  check_is(iocp_receive_from(port, id, NULL, 0, 1, &header), -IOCP_EFAULT);
  check_is(iocp_receive_from(port, id, memory, 0, 1, NULL), -IOCP_EFAULT);
  check_is(iocp_read(port, id, memory, 0, 1), -IOCP_ENOTCONN);
  check_is(iocp_send(port, id, "x", 0, 1), -IOCP_ENOTCONN);
  check_is(iocp_shutdown(port, id), -IOCP_ENOTCONN);
  check_is(iocp_accept(port, id, 1), -IOCP_EINVAL);
  check_is(iocp_get_address(port, id, IOCP_PEER, &at, sizeof at),
           -IOCP_ENOTCONN);
  check_is(iocp_membership(port, id, NULL, NULL, 0, 1), -IOCP_EFAULT);
  check_is(iocp_membership(port, id, &at, NULL, 0, 2), -IOCP_EINVAL);
  struct iocp_address listening;
  int32_t listener = drive_listen(&drive, "127.0.0.1", 0, &listening)->id;
  check_is(iocp_send_to(port, listener, "x", 0, 1, &at), -IOCP_EINVAL);
  check_is(iocp_connect_datagram(port, listener, &at), -IOCP_EINVAL);
  drive_finish(&drive);
}

static void broadcast_needs_its_option(void) {
  struct drive drive;
  struct iocp_address to, from;
  const char* everybody[] = {"127.255.255.255", "255.255.255.255"};
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* receiver = drive_bind(&drive, "0.0.0.0", 0, &to);
  /* The address of the loopback interface makes that the way to everybody. */
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  drive_receive(receiver, 1000);
  for (uint32_t i = 0; i < 2; i++) {
    struct iocp_address address = raw_address(everybody[i], to.port);
    drive_set(sender, IOCP_BROADCAST, 0);
    check_is(drive_send_to(sender, "x", 1, &address), -IOCP_EACCES);
    drive_set(sender, IOCP_BROADCAST, 1);
    check_is(drive_send_to(sender, "x", 1, &address), 1);
    drive_until(&drive, receiver->datagram_count == i + 1);
    check_is(receiver->last.from.port, from.port);
  }
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(many_to_several),
          TEST_CASE(one_of_many_fails),
          TEST_CASE(too_long),
          TEST_CASE(wrong_arguments),
          TEST_CASE(broadcast_needs_its_option))
