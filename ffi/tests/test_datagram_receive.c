/* SPDX-License-Identifier: MIT */
/*
 * Datagrams arrive whole, in order, each with its sender and its size, into the
 * slab or into a buffer; also empty ones and the longest that UDP has.
 *
 * It is hard because many are received with one call, into memory that is
 * divided before their lengths are known: lengths that change from one to the
 * next must neither cut a datagram nor mix two.
 */
#include <stdlib.h>
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define SEED 77
#define UDP_MAX 65507

/* Each datagram begins with its number, and is a part of the pattern. */
static uint32_t next_number;

static void fill(uint8_t* bytes, uint32_t length, uint32_t number) {
  pattern_fill(bytes, length, SEED, number);
  if (length >= sizeof number) memcpy(bytes, &number, sizeof number);
}

static void expect_next(struct drive_socket* socket,
                        const struct iocp_datagram* datagram,
                        const uint8_t* data) {
  static uint8_t expected[UDP_MAX];
  (void)socket;
  fill(expected, datagram->length, next_number);
  check_is(datagram->size, datagram->length);
  check(memcmp(expected, data, datagram->length) == 0);
  next_number++;
}

static void arrives_with_its_sender_over(const char* literal) {
  struct drive drive;
  struct iocp_address to, from;
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* receiver = drive_bind(&drive, literal, 0, &to);
  struct drive_socket* sender = drive_bind(&drive, literal, 0, &from);
  drive_receive(receiver, 1000);
  check_is(drive_send_to(sender, "hello", 5, &to), 5);
  drive_until(&drive, receiver->datagram_count == 1);
  check_is(receiver->received, 5);
  check(memcmp(&receiver->last.from, &from, sizeof from) == 0);
  check_is(receiver->last.size, 5);
  check_is(receiver->last.length, 5);
  /* It is a datagram, not an end. */
  check_is(drive_send_to(sender, NULL, 0, &to), 0);
  drive_until(&drive, receiver->datagram_count == 2);
  check_is(receiver->last.size, 0);
  drive_finish(&drive);
}

static void arrives_with_its_sender(void) {
  arrives_with_its_sender_over("127.0.0.1");
  if (raw_has_family(6)) arrives_with_its_sender_over("::1");
}

static void dual_stack(void) {
  struct drive drive;
  struct iocp_address to, from;
  if (!raw_has_family(6)) {
    test_skip("this system has no IPv6");
    return;
  }
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* both = drive_bind(&drive, "::", 0, &to);
  struct drive_socket* ipv4 = drive_bind(&drive, "127.0.0.1", 0, &from);
  drive_receive(both, 1000);
  struct iocp_address ipv4_to = raw_address("127.0.0.1", to.port);
  check_is(drive_send_to(ipv4, "a", 1, &ipv4_to), 1);
  drive_until(&drive, both->datagram_count == 1);
  struct iocp_address mapped = raw_address("::ffff:127.0.0.1", from.port);
  check(memcmp(&both->last.from, &mapped, sizeof mapped) == 0);
  /* Back, to the mapped address and to that of IPv4. */
  drive_receive(ipv4, 1000);
  check_is(drive_send_to(both, "b", 1, &mapped), 1);
  check_is(drive_send_to(both, "c", 1, &from), 1);
  drive_until(&drive, ipv4->datagram_count == 2);
  struct drive_socket* only = drive_bind(&drive, "::", IOCP_IPV6_ONLY, &to);
  ipv4_to.port = to.port;
  drive_receive(only, 1000);
  check_is(drive_send_to(ipv4, "d", 1, &ipv4_to), 1);
  drive_for(&drive, 50);
  check_is(only->datagram_count, 0);
  drive_finish(&drive);
}

/* Sends `count` of the lengths in turn, as many at a time as the kernel's
 * buffer surely holds. */
static void send_lengths(struct drive* drive,
                         struct drive_socket* sender,
                         struct drive_socket* receiver,
                         const struct iocp_address* to,
                         const uint32_t* lengths,
                         uint32_t length_count,
                         uint32_t burst,
                         uint32_t count) {
  static uint8_t bytes[UDP_MAX];
  for (uint32_t i = 0; i < count; i++) {
    uint32_t length = lengths[i % length_count];
    fill(bytes, length, receiver->datagram_count + i % burst);
    check_is(drive_send_to(sender, bytes, length, to), length);
    if (i % burst != burst - 1) continue;
    drive_until(drive, receiver->datagram_count == i + 1);
  }
}

static void lengths_of(const uint32_t* lengths,
                       uint32_t length_count,
                       uint32_t burst,
                       uint32_t slab,
                       uint32_t credit) {
  struct drive drive;
  struct iocp_address to, from;
  if (!drive_open_datagrams(&drive)) return;
  drive_finish(&drive);
  drive_open_sized(&drive, 16, slab);
  drive.on_datagram = expect_next;
  next_number = 0;
  struct drive_socket* receiver = drive_bind(&drive, "127.0.0.1", 0, &to);
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  check_is(iocp_set_option(
               drive.port, receiver->id, IOCP_SYSTEM_RECEIVE_BUFFER, 4 << 20),
           0);
  drive_receive(receiver, credit);
  send_lengths(
      &drive, sender, receiver, &to, lengths, length_count, burst, burst * 40);
  drive_finish(&drive);
}

static void equal_lengths(void) {
  static const uint32_t lengths[] = {64};
  lengths_of(lengths, 1, 30, 1 << 20, 1 << 30);
}

static void mixed_lengths(void) {
  static const uint32_t lengths[] = {
      0, 1, 7, 8, 9, 64, 1200, 1201, 3, 1472, 4000, 0, 65};
  lengths_of(lengths, 13, 26, 1 << 20, 1 << 30);
}

/* The batch has more than the slab has room for. */
static void longer_than_expected(void) {
  static const uint32_t lengths[] = {
      4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 65507, 20000, 8, 65507, 9, 40000};
  lengths_of(lengths, 16, 16, 80000, 1 << 30);
}

static void longest(void) {
  static const uint32_t lengths[] = {UDP_MAX};
  lengths_of(lengths, 1, 4, IOCP_DATAGRAM_ROOM + 8, 1 << 30);
}

/* Credit is renewed one byte at a time, and lets one batch pass. */
static void credit_bounds_a_batch(void) {
  struct drive drive;
  struct iocp_address to, from;
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* receiver = drive_bind(&drive, "127.0.0.1", 0, &to);
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  for (int i = 0; i < 10; i++)
    check_is(drive_send_to(sender, "12345678", 8, &to), 8);
  drive_for(&drive, 30);
  check_is(receiver->datagram_count, 0);
  drive_receive(receiver, 1);
  drive_until(&drive, receiver->datagram_count != 0);
  drive_for(&drive, 30);
  check(receiver->datagram_count < 10);
  drive_receive(receiver, 10 * 40);
  drive_until(&drive, receiver->datagram_count == 10);
  check_is(iocp_receive(drive.port, receiver->id, 0), -IOCP_EINVAL);
  drive_finish(&drive);
}

static void into_a_buffer(void) {
  struct drive drive;
  struct iocp_address to, from;
  struct iocp_datagram datagram;
  uint8_t bytes[16];
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* receiver = drive_bind(&drive, "127.0.0.1", 0, &to);
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  check_is(drive_receive_from(receiver, bytes, 16, &datagram, NULL),
           IOCP_PENDING);
  check_is(drive_receive_from(receiver, bytes, 16, &datagram, NULL),
           -IOCP_EBUSY);
  check_is(iocp_receive(drive.port, receiver->id, 1), -IOCP_EBUSY);
  check_is(drive_send_to(sender, "hello", 5, &to), 5);
  check_is(drive_send_to(sender, NULL, 0, &to), 0);
  check_is(drive_send_to(sender, "0123456789abcdefXYZ", 19, &to), 19);
  drive_until(&drive, receiver->read_result == 0);
  check_is(drive_receive_from(receiver, bytes, 16, &datagram, NULL), 5);
  check(memcmp(bytes, "hello", 5) == 0);
  check(memcmp(&datagram.from, &from, sizeof from) == 0);
  check_is(datagram.size, 5);
  check_is(drive_receive_from(receiver, bytes, 16, &datagram, NULL), 0);
  check_is(datagram.size, 0);
  /* The end of the long one is lost, and its size is known. */
  check_is(drive_receive_from(receiver, bytes, 16, &datagram, NULL), 16);
  check(memcmp(bytes, "0123456789abcdef", 16) == 0);
  check(datagram.size == 19 || datagram.size == UINT32_MAX);
  check_is(drive_receive_from(receiver, bytes, 0, &datagram, NULL),
           IOCP_PENDING);
  drive_close(receiver, IOCP_GRACEFUL, 1000);
  drive_until(&drive, receiver->is_closed);
  check_is(receiver->read_result, -IOCP_ECANCELED);
  drive_finish(&drive);
}

/* A kept datagram, which found no room in the slab, is the next one for a
 * buffer too. */
static void from_the_slab_into_a_buffer(void) {
  static uint8_t bytes[40000];
  struct drive drive;
  struct iocp_address to, from;
  struct iocp_datagram datagram;
  if (!drive_open_datagrams(&drive)) return;
  drive_finish(&drive);
  drive_open_sized(&drive, 16, IOCP_DATAGRAM_ROOM);
  struct drive_socket* receiver = drive_bind(&drive, "127.0.0.1", 0, &to);
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  memset(bytes, 'x', sizeof bytes);
  for (int i = 0; i < 3; i++)
    check_is(drive_send_to(sender, bytes, sizeof bytes, &to), sizeof bytes);
  drive_receive(receiver, sizeof bytes);
  drive_until(&drive, receiver->datagram_count == 1);
  drive_for(&drive, 30);
  for (uint32_t i = receiver->datagram_count; i < 3; i++) {
    memset(bytes, 'y', 1000);
    check_is(drive_receive_from(receiver, bytes, 1000, &datagram, NULL), 1000);
    check(datagram.size == sizeof bytes || datagram.size == UINT32_MAX);
    check_is(bytes[999], 'x');
    check(memcmp(&datagram.from, &from, sizeof from) == 0);
  }
  check_is(drive_receive_from(receiver, bytes, 1000, &datagram, NULL),
           IOCP_PENDING);
  drive_finish(&drive);
}

static void a_close_cancels(void) {
  struct drive drive;
  struct iocp_address to;
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* receiver = drive_bind(&drive, "127.0.0.1", 0, &to);
  check_is(iocp_close(drive.port, receiver->id, IOCP_DETACH, 0),
           -IOCP_ENOTCONN);
  drive_receive(receiver, 100);
  drive_close(receiver, IOCP_GRACEFUL, 1000);
  drive_until(&drive, receiver->is_closed);
  check_is(receiver->end_result, -IOCP_ECANCELED);
  check_is(receiver->close_result, 0);
  /* Its port is free. */
  drive_add(&drive, iocp_bind(drive.port, &to, 0, IOCP_MODE_DEFAULT))
      ->is_datagram = true;
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(arrives_with_its_sender),
          TEST_CASE(dual_stack),
          TEST_CASE(equal_lengths),
          TEST_CASE(mixed_lengths),
          TEST_CASE(longer_than_expected),
          TEST_CASE(longest),
          TEST_CASE(credit_bounds_a_batch),
          TEST_CASE(into_a_buffer),
          TEST_CASE(from_the_slab_into_a_buffer),
          TEST_CASE(a_close_cancels))
