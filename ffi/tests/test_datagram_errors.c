/* SPDX-License-Identifier: MIT */
/*
 * What the network answers to a datagram that was sent (ICMP) is reported once,
 * by the next receive, and does not end the socket; and the datagrams that are
 * lost here are counted.
 *
 * It is hard because the system reports it to whichever call comes next, which
 * may be a send of a datagram that is all right.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/raw.h"
#include "shared/test.h"

/* A port that nothing is bound to. */
static struct iocp_address closed_port(struct drive* drive) {
  struct iocp_address address;
  drive_close_now(drive_bind(drive, "127.0.0.1", 0, &address));
  return address;
}

/* A socket that is connected to a port that refuses. */
static struct drive_socket* refused(struct drive* drive,
                                    struct iocp_address* address_out,
                                    struct iocp_address* to_out) {
  *to_out = closed_port(drive);
  struct drive_socket* socket = drive_bind(drive, "127.0.0.1", 0, address_out);
  check_is(iocp_connect_datagram(drive->port, socket->id, to_out), 0);
  return socket;
}

/* Wine never completes a receive for an answer of the network, nor any receive
 * after it; Windows, on which this was not run, is documented to. */
static bool reports_nothing(struct drive* drive,
                            struct drive_socket* socket,
                            uint32_t errors_before) {
  if (!host_posts_operations()) return false;
  drive_for(drive, 300);
  if (socket->error_count > errors_before || socket->read_result == 0)
    return false;
  test_skip("this system (Wine) reports no answers of the network");
  return true;
}

/* The socket still works: the port is bound now, and answers. */
static void works(struct drive* drive,
                  struct drive_socket* socket,
                  const struct iocp_address* address,
                  const struct iocp_address* to) {
  struct drive_socket* peer =
      drive_add(drive, iocp_bind(drive->port, to, 0, IOCP_MODE_DEFAULT));
  peer->is_datagram = true;
  drive_receive(peer, 1000);
  check_is(drive_send_to(socket, "hello", 5, NULL), 5);
  drive_until(drive, peer->datagram_count == 1);
  check_is(drive_send_to(peer, "hi", 2, address), 2);
  if (host_posts_operations()) drive_for(drive, 300);
  if (host_posts_operations() && socket->datagram_count == 0)
    test_skip("this system (Wine) receives nothing after such an answer");
  else
    drive_until(drive, socket->datagram_count == 1);
}

static void a_receive_reports_it(void) {
  struct drive drive;
  struct iocp_address address, to;
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* socket = refused(&drive, &address, &to);
  drive_receive(socket, 1000);
  for (uint32_t i = 1; i <= 3; i++) {
    check_is(drive_send_to(socket, "x", 1, NULL), 1);
    if (reports_nothing(&drive, socket, i - 1)) {
      drive_finish(&drive);
      return;
    }
    drive_until(&drive, socket->error_count == i);
    check_is(socket->datagram_error, -IOCP_ECONNREFUSED);
    check(socket->last_detail != 0);
  }
  drive_for(&drive, 30);
  check_is(socket->error_count, 3);
  works(&drive, socket, &address, &to);
  drive_finish(&drive);
}

/* Nothing receives meanwhile, so each send meets the error of the one before.
 */
static void a_send_is_not_failed_by_it(void) {
  struct drive drive;
  struct iocp_address address, to;
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* socket = refused(&drive, &address, &to);
  uint8_t memory[3 * 40];
  uint32_t size = 0;
  for (int i = 0; i < 3; i++)
    size += drive_pack(memory + size, NULL, "12345678", 8);
  for (int i = 0; i < 5; i++) {
    check_is(drive_send_to(socket, "x", 1, NULL), 1);
    drive_for(&drive, 10);
    int32_t taken = drive_send_many(socket, memory, size, 3);
    check(taken >= 1 && taken <= 3);
  }
  drive_receive(socket, 1000);
  if (reports_nothing(&drive, socket, 0)) {
    drive_finish(&drive);
    return;
  }
  drive_until(&drive, socket->error_count != 0);
  check_is(socket->datagram_error, -IOCP_ECONNREFUSED);
  drive_for(&drive, 30);
  works(&drive, socket, &address, &to);
  drive_finish(&drive);
}

static void a_buffer_gets_it_once(void) {
  struct drive drive;
  struct iocp_address address, to;
  struct iocp_datagram datagram;
  char byte;
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* socket = refused(&drive, &address, &to);
  check_is(drive_receive_from(socket, &byte, 1, &datagram, NULL), IOCP_PENDING);
  check_is(drive_send_to(socket, "x", 1, NULL), 1);
  if (reports_nothing(&drive, socket, 0)) {
    drive_finish(&drive);
    return;
  }
  drive_until(&drive, socket->read_result == 0);
  check_is(drive_receive_from(socket, &byte, 1, &datagram, NULL),
           -IOCP_ECONNREFUSED);
  check(iocp_native_error(drive.port) != 0);
  /* Under Wine, each posted receive completes with it. */
  int32_t result;
  int again = 0;
  while ((result = drive_receive_from(socket, &byte, 1, &datagram, NULL)) ==
         -IOCP_ECONNREFUSED)
    again++;
  check_is(result, IOCP_PENDING);
  check(again == 0 || (host_posts_operations() && again < 8));
  drive_finish(&drive);
}

/* Between datagrams that arrive. */
static void mixed_with_datagrams(void) {
  struct drive drive;
  struct iocp_address address, to;
  uint32_t sent = 0;
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* peer = drive_bind(&drive, "127.0.0.1", 0, &to);
  struct drive_socket* socket = drive_bind(&drive, "127.0.0.1", 0, &address);
  check_is(iocp_connect_datagram(drive.port, socket->id, &to), 0);
  drive_receive(socket, 1 << 20);
  for (uint32_t round = 1; round <= 20; round++) {
    for (uint32_t i = 0; i < round; i++, sent++)
      check_is(drive_send_to(peer, "12345678", 8, &address), 8);
    drive_close_now(peer);
    uint32_t before = socket->error_count;
    check_is(drive_send_to(socket, "x", 1, NULL), 1);
    if (reports_nothing(&drive, socket, before)) break;
    drive_until(&drive, socket->error_count > before);
    /* Under Wine, each posted receive completes with it. */
    check(host_posts_operations() || socket->error_count == round);
    if (host_posts_operations() && socket->datagram_count < sent) {
      test_skip("this system (Wine) receives nothing after such an answer");
      break;
    }
    drive_until(&drive, socket->datagram_count == sent);
    peer = drive_add(&drive, iocp_bind(drive.port, &to, 0, IOCP_MODE_DEFAULT));
    peer->is_datagram = true;
  }
  drive_finish(&drive);
}

static void losses_are_counted(void) {
  struct drive drive;
  struct iocp_address to, from;
  struct iocp_socket_stats stats;
  static uint8_t bytes[1000];
  if (!drive_open_datagrams(&drive)) return;
  struct drive_socket* receiver = drive_bind(&drive, "127.0.0.1", 0, &to);
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  check_is(iocp_set_option(
               drive.port, receiver->id, IOCP_SYSTEM_RECEIVE_BUFFER, 10000),
           0);
  check_is(
      iocp_get_option(drive.port, receiver->id, IOCP_SYSTEM_RECEIVE_BUFFER),
      10000);
  for (int i = 0; i < 100; i++)
    check_is(drive_send_to(sender, bytes, sizeof bytes, &to), sizeof bytes);
  drive_receive(receiver, 1 << 20);
  drive_for(&drive, 50);
  check(receiver->datagram_count > 0 && receiver->datagram_count < 100);
  check_is(iocp_socket_stats(drive.port, receiver->id, &stats), 0);
  check_is(stats.datagrams_received, receiver->datagram_count);
  if (host_posts_operations())
    check_is(stats.datagrams_dropped, 0);
  else
    check_is(stats.datagrams_dropped, 100 - receiver->datagram_count);
  /* The total is kept. */
  for (int i = 0; i < 100; i++)
    check_is(drive_send_to(sender, bytes, sizeof bytes, &to), sizeof bytes);
  drive_for(&drive, 50);
  check_is(iocp_socket_stats(drive.port, receiver->id, &stats), 0);
  if (!host_posts_operations())
    check_is(stats.datagrams_received + stats.datagrams_dropped, 200);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(a_receive_reports_it),
          TEST_CASE(a_send_is_not_failed_by_it),
          TEST_CASE(a_buffer_gets_it_once),
          TEST_CASE(mixed_with_datagrams),
          TEST_CASE(losses_are_counted))
