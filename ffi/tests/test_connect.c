/* SPDX-License-Identifier: MIT */
/*
 * Connects that succeed, are refused, are closed at once, or have a local
 * address; and data that arrives together with the answer.
 *
 * It is hard because the answer may arrive before the call returns, or never,
 * and because a close must end a connect exactly once, whichever comes first.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

static void refused(void) {
  struct iocp_address address;
  struct drive drive;
  host_socket held = raw_hold("127.0.0.1", &address);
  drive_open(&drive);
  for (int i = 0; i < 50; i++) {
    struct drive_socket* socket = drive_connect(&drive, &address);
    drive_until(&drive, socket->connect_result != DRIVE_NOTHING);
    check_is(socket->connect_result, -IOCP_ECONNREFUSED);
    check(socket->last_detail != 0);
    /* Nothing more is reported, and the id must be closed by the user. */
    drive_poll(&drive);
    check(!socket->is_closed);
    drive_close(socket, i % 2 == 0 ? IOCP_GRACEFUL : IOCP_RESET, 1000);
    drive_until(&drive, socket->is_closed);
    check_is(socket->close_result, 0);
    drive_forget(socket);
  }
  raw_close(held);
  drive_finish(&drive);
}

/* Without a listener, TCP can connect a socket to itself. */
static void no_self_connect(void) {
  struct iocp_address address;
  struct drive drive;
  drive_open(&drive);
  for (int i = 0; i < 4; i++) {
    raw_close(raw_hold(i < 2 ? "127.0.0.1" : "127.0.0.2", &address));
    int32_t id = iocp_connect(drive.port, &address, &address);
    struct drive_socket* socket = drive_add(&drive, id);
    socket->connect_pending = true;
    drive_until(&drive, socket->connect_result != DRIVE_NOTHING);
    check_is(socket->connect_result, -IOCP_ECONNREFUSED);
    drive_close(socket, i % 2 == 0 ? IOCP_GRACEFUL : IOCP_RESET, 1000);
    drive_until(&drive, socket->is_closed);
    check_is(socket->close_result, 0);
    drive_forget(socket);
  }
  drive_finish(&drive);
}

static int32_t close_order[4];
static int close_order_count;

static void close_order_record(struct drive_socket* socket,
                               const struct iocp_record* record,
                               const uint8_t* bytes) {
  (void)socket;
  (void)bytes;
  check(close_order_count < 4);
  close_order[close_order_count++] = record->kind;
}

/* Closed before the result was reported: canceled, then closed, nothing
 * else. */
static void closed_at_once(void) {
  struct iocp_address addresses[2];
  struct drive drive;
  host_socket held = raw_hold("127.0.0.1", &addresses[0]);
  host_socket listener = raw_listen("127.0.0.1", &addresses[1]);
  drive_open(&drive);
  drive.on_record = close_order_record;
  for (int i = 0; i < 100; i++) {
    struct drive_socket* socket = drive_connect(&drive, &addresses[i % 2]);
    close_order_count = 0;
    if (i % 8 < 4) host_sleep_ms(1);
    drive_close(
        socket, i % 4 < 2 ? IOCP_GRACEFUL : IOCP_RESET, DRIVE_DEADLINE_MS);
    drive_until(&drive, socket->is_closed);
    check_is(close_order_count, 2);
    check_is(close_order[0], IOCP_CONNECTED);
    check_is(close_order[1], IOCP_CLOSED);
    /* A result that was there already may be reported instead. */
    check(socket->connect_result == -IOCP_ECANCELED ||
          socket->connect_result == (i % 2 ? 0 : -IOCP_ECONNREFUSED));
    check_is(socket->close_result, 0);
    drive_forget(socket);
    /* The listener's end of it is closed as well. */
    if (i % 2 == 1) raw_close(raw_accept(listener));
  }
  drive.on_record = NULL;
  raw_close(held);
  raw_close(listener);
  drive_finish(&drive);
}

/* A close ends a connect that gets no answer. */
static void closed_without_an_answer(void) {
  struct iocp_address address;
  struct drive drive;
  host_socket fillers[RAW_FILLERS];
  host_socket listener = raw_listen_full(&address, fillers);
  drive_open(&drive);
  for (uint32_t i = 0; i < 6; i++) {
    struct drive_socket* socket = drive_connect(&drive, &address);
    drive_for(&drive, 50);
    if (socket->connect_result != DRIVE_NOTHING) {
      test_skip("this system answers for a listener with a full backlog");
      break;
    }
    drive_close(
        socket, i % 2 == 0 ? IOCP_GRACEFUL : IOCP_RESET, DRIVE_DEADLINE_MS);
    drive_until(&drive, socket->is_closed);
    check_is(socket->connect_result, -IOCP_ECANCELED);
    check_is(socket->close_result, 0);
  }
  for (int i = 0; i < RAW_FILLERS; i++) raw_close(fillers[i]);
  raw_close(listener);
  drive_finish(&drive);
}

/* The peer sends and ends before the first poll. */
static void data_comes_with_the_answer(void) {
  struct iocp_address address;
  struct drive drive;
  host_socket listener = raw_listen("127.0.0.1", &address);
  drive_open(&drive);
  for (int i = 0; i < 50; i++) {
    struct drive_socket* socket = drive_connect(&drive, &address);
    host_socket raw = raw_accept(listener);
    drive_raw_send(&drive, raw, 7, 0, 1000);
    if (i % 2 == 0) raw_shutdown(raw);
    if (i % 4 < 2) host_sleep_ms(2);
    drive_until(&drive, socket->connect_result != DRIVE_NOTHING);
    check_is(socket->connect_result, 0);
    drive_drain(&drive);
    drive_sink(socket, 7, 5000);
    drive_until(&drive, socket->received == 1000);
    if (i % 2 != 0) raw_shutdown(raw);
    drive_until(&drive, socket->end_result == 0);
    raw_close(raw);
    drive_close_now(socket);
    drive_forget(socket);
  }
  raw_close(listener);
  drive_finish(&drive);
}

static bool same_address(const struct iocp_address* a,
                         const struct iocp_address* b) {
  return memcmp(a, b, sizeof *a) == 0;
}

/* The peer has ended and reset the connection before the first poll. Either the
 * connect fails, or the connection is reported and then reset; nothing else. */
static void reset_before_the_answer_is_seen(void) {
  struct drive drive;
  struct iocp_address address;
  host_socket listener = raw_listen("127.0.0.1", &address);
  drive_open(&drive);
  for (int i = 0; i < 2; i++) {
    struct drive_socket* socket = drive_connect(&drive, &address);
    host_socket raw = raw_accept(listener);
    if (i == 1) raw_shutdown(raw);
    host_sleep_ms(10);
    raw_reset(raw);
    host_sleep_ms(10);
    drive_until(&drive, socket->connect_result != DRIVE_NOTHING);
    check(socket->connect_result == 0 ||
          socket->connect_result == -IOCP_ECONNRESET);
    drive_close_now(socket);
  }
  raw_close(listener);
  drive_finish(&drive);
}

static void addresses_agree(const char* literal) {
  struct drive drive;
  struct iocp_address address, addresses[4];
  drive_open(&drive);
  struct drive_socket* listener = drive_listen(&drive, literal, 0, &address);
  drive_accept(listener, 1);
  struct drive_socket* client = drive_connect(&drive, &address);
  drive_until(&drive,
              client->connect_result == 0 && listener->accepted_first != NULL);
  struct drive_socket* server = drive_next_accepted(listener);
  for (uint32_t i = 0; i < 2; i++) {
    check_is(iocp_get_address(drive.port,
                              client->id,
                              i,
                              &addresses[i],
                              sizeof(struct iocp_address)),
             sizeof(struct iocp_address));
    check_is(iocp_get_address(drive.port,
                              server->id,
                              1 - i,
                              &addresses[2 + i],
                              sizeof(struct iocp_address)),
             sizeof(struct iocp_address));
    check(same_address(&addresses[i], &addresses[2 + i]));
  }
  check(same_address(&addresses[IOCP_PEER], &address));
  drive_finish(&drive);
}

static void addresses_of_ipv4(void) { addresses_agree("127.0.0.1"); }

static void addresses_of_ipv6(void) {
  if (raw_has_family(6))
    addresses_agree("::1");
  else
    test_skip("no IPv6 on the loopback");
}

/* All of 127/8 is the loopback, so a local address can be chosen. */
static void from_a_local_address(void) {
  struct drive drive;
  struct iocp_address address, local = raw_address("127.0.0.2", 0), bound;
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 1);
  struct drive_socket* client =
      drive_add(&drive, iocp_connect(drive.port, &address, &local));
  client->connect_pending = true;
  drive_until(&drive,
              client->connect_result != DRIVE_NOTHING &&
                  listener->accepted_first != NULL);
  check_is(client->connect_result, 0);
  check_is(iocp_get_address(drive.port,
                            client->id,
                            IOCP_LOCAL,
                            &bound,
                            sizeof(struct iocp_address)),
           sizeof(struct iocp_address));
  check(memcmp(bound.bytes, local.bytes, 16) == 0);
  check(bound.port != 0);
  struct drive_socket* server = drive_next_accepted(listener);
  check_is(iocp_get_address(drive.port,
                            server->id,
                            IOCP_PEER,
                            &local,
                            sizeof(struct iocp_address)),
           sizeof(struct iocp_address));
  check(same_address(&bound, &local));
  drive_finish(&drive);
}

/* The error for a local address is returned by the call, or is the result of
 * the connect. */
static int32_t connect_from(struct drive* drive,
                            const struct iocp_address* remote,
                            const struct iocp_address* local) {
  int32_t id = iocp_connect(drive->port, remote, local);
  if (id < 0) return id;
  struct drive_socket* socket = drive_add(drive, id);
  socket->connect_pending = true;
  drive_until(drive, socket->connect_result != DRIVE_NOTHING);
  return socket->connect_result;
}

static void from_an_impossible_address(void) {
  struct drive drive;
  struct iocp_address address, local;
  host_socket listener = raw_listen("127.0.0.1", &address);
  drive_open(&drive);
  check_is(connect_from(&drive, &address, &address), -IOCP_EADDRINUSE);
  local = raw_address("192.0.2.1", 0);
  check_is(connect_from(&drive, &address, &local), -IOCP_EADDRNOTAVAIL);
  raw_close(listener);
  drive_finish(&drive);
}

/* Many connects at once on one port, half of them refused. */
static void results_are_not_mixed_up(void) {
  enum { COUNT = 200 };
  struct iocp_address alive, dead;
  struct drive_socket* sockets[COUNT];
  struct drive drive;
  host_socket held = raw_hold("127.0.0.1", &dead);
  drive_open(&drive);
  struct drive_socket* listener = drive_listen(&drive, "127.0.0.1", 0, &alive);
  drive_accept(listener, 8);
  for (int i = 0; i < COUNT; i++)
    sockets[i] = drive_connect(&drive, i % 2 == 0 ? &alive : &dead);
  for (int i = 0; i < COUNT; i++) {
    drive_until(&drive, sockets[i]->connect_result != DRIVE_NOTHING);
    check_is(sockets[i]->connect_result, i % 2 == 0 ? 0 : -IOCP_ECONNREFUSED);
  }
  drive_until(&drive, listener->accepted_count == COUNT / 2);
  raw_close(held);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(refused),
          TEST_CASE(no_self_connect),
          TEST_CASE(closed_at_once),
          TEST_CASE(closed_without_an_answer),
          TEST_CASE(data_comes_with_the_answer),
          TEST_CASE(reset_before_the_answer_is_seen),
          TEST_CASE(addresses_of_ipv4),
          TEST_CASE(addresses_of_ipv6),
          TEST_CASE(from_a_local_address),
          TEST_CASE(from_an_impossible_address),
          TEST_CASE(results_are_not_mixed_up))
