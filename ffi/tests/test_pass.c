/* SPDX-License-Identifier: MIT */
/*
 * Sockets that are passed to an inbox and taken from it. Here both are of the
 * same process; tests/pass_test.ts has two.
 *
 * It is hard because the socket then has two handles: on Windows the second one
 * is on the port of the first, and on Linux it is under way in the kernel,
 * which is full after a few.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

struct ticket {
  uint8_t bytes[IOCP_TICKET_MAX];
  uint32_t length;
};

struct address {
  uint8_t bytes[IOCP_INBOX_MAX];
  uint32_t length;
};

static void get_address(int32_t port, struct address* address_out) {
  int32_t length =
      iocp_inbox(port, address_out->bytes, sizeof address_out->bytes);
  check(length > 0);
  address_out->length = (uint32_t)length;
}

static int32_t try_pass(int32_t port,
                        int32_t socket,
                        double handle,
                        const struct address* address,
                        struct ticket* ticket_out) {
  int32_t length = iocp_pass(port,
                             socket,
                             handle,
                             address->bytes,
                             address->length,
                             ticket_out->bytes,
                             sizeof ticket_out->bytes);
  if (length > 0) ticket_out->length = (uint32_t)length;
  return length;
}

static int32_t take(int32_t port, const struct ticket* ticket) {
  return iocp_take(port, ticket->bytes, ticket->length);
}

static void exchange(struct drive* drive,
                     struct drive_socket* socket,
                     host_socket peer) {
  drive_sink(socket, 7, 50000);
  drive_pump(socket, 9, 200000, 100000);
  drive_raw_send(drive, peer, 7, 0, 30000);
  drive_raw_expect(drive, peer, 9, 0, 200000);
  drive_until(drive, socket->received == 30000);
}

static struct drive_socket* next_accepted(struct drive* drive,
                                          struct drive_socket* listener) {
  drive_until(drive, listener->accepted_first != NULL);
  return drive_next_accepted(listener);
}

/* The second handle accepts once the first one is closed. */
static void listeners(void) {
  struct drive drive, other;
  struct iocp_address at;
  struct address address;
  struct ticket ticket;
  drive_open(&drive);
  drive_open(&other);
  struct drive_socket* first = drive_listen(&drive, "127.0.0.1", 0, &at);
  drive_accept(first, 4);
  get_address(other.port, &address);
  check(try_pass(drive.port, first->id, 0, &address, &ticket) > 0);
  int32_t handle = take(other.port, &ticket);
  check(handle >= 0);
  struct drive_socket* second =
      drive_add(&other, iocp_add_listener(other.port, handle, IOCP_DETACHED));
  second->is_listener = true;
  drive_close_now(first);
  /* It waits until there are accepts. */
  host_socket peer = raw_connect(&at);
  drive_accept(second, 4);
  struct drive_socket* socket = next_accepted(&other, second);
  exchange(&other, socket, peer);
  raw_close(peer);
  drive_finish(&other);
  drive_finish(&drive);
  check_is(raw_try_connect(&at, &peer), -IOCP_ECONNREFUSED);
}

/* No connection is lost while the first handle stops. */
static void stops(void) {
  struct drive drive, other;
  struct iocp_address at;
  struct address address;
  struct ticket ticket;
  host_socket peers[20];
  drive_open(&drive);
  drive_open(&other);
  struct drive_socket* first = drive_listen(&drive, "127.0.0.1", 0, &at);
  drive_accept(first, 4);
  get_address(other.port, &address);
  check(try_pass(drive.port, first->id, 0, &address, &ticket) > 0);
  struct drive_socket* second = drive_add(
      &other,
      iocp_add_listener(other.port, take(other.port, &ticket), IOCP_DETACHED));
  second->is_listener = true;
  for (int i = 0; i < 10; i++) peers[i] = raw_connect(&at);
  check_is(iocp_stop(drive.port, first->id), 0);
  check_is(iocp_stop(drive.port, first->id), 0);
  check_is(iocp_accept(drive.port, first->id, 4), -IOCP_ESHUTDOWN);
  for (int i = 10; i < 20; i++) peers[i] = raw_connect(&at);
  drive_accept(second, 4);
  struct iocp_socket_stats stats;
  do {
    drive_drain(&drive);
    check_is(iocp_socket_stats(drive.port, first->id, &stats), 0);
  } while (stats.accepts_posted + stats.accepts_ready > 0);
  uint32_t count = first->accepted_count;
  drive_close_now(first);
  drive_until(&other, second->accepted_count + count == 20);
  /* All of them are open. */
  for (int i = 0; i < 20; i++) {
    uint8_t byte;
    check_is(raw_receive(peers[i], &byte, 1), HOST_WOULD_BLOCK);
    check_is(raw_send(peers[i], "x", 1), 1);
  }
  drive_finish(&other);
  drive_finish(&drive);
  for (int i = 0; i < 20; i++) raw_close(peers[i]);
}

/* On Linux the handle that was taken has the number of the closed one, whose
 * file is the same. */
static void to_the_port_of_a_closed_one(void) {
  struct drive drive;
  struct iocp_address at;
  struct address address;
  struct ticket ticket;
  drive_open(&drive);
  struct drive_socket* first = drive_listen(&drive, "127.0.0.1", 0, &at);
  get_address(drive.port, &address);
  check(try_pass(drive.port, first->id, 0, &address, &ticket) > 0);
  drive_close_now(first);
  struct drive_socket* second = drive_add(
      &drive,
      iocp_add_listener(drive.port, take(drive.port, &ticket), IOCP_DETACHED));
  second->is_listener = true;
  drive_accept(second, 1);
  host_socket peer = raw_connect(&at);
  exchange(&drive, next_accepted(&drive, second), peer);
  raw_close(peer);
  drive_finish(&drive);
}

static double detach(struct drive* drive, struct drive_socket* socket) {
  drive_detach(socket, DRIVE_DEADLINE_MS);
  drive_until(drive, socket->is_closed);
  return socket->handle;
}

static void streams(void) {
  struct drive drive, other;
  struct address address;
  struct ticket tickets[3];
  double handles[3];
  host_socket raws[3];
  drive_open(&drive);
  drive_open(&other);
  get_address(other.port, &address);
  for (int i = 0; i < 3; i++) {
    struct drive_socket* socket = drive_raw_pair(&drive, 0, &raws[i]);
    handles[i] = detach(&drive, socket);
    check(try_pass(drive.port, -1, handles[i], &address, &tickets[i]) > 0);
  }
  /* In another order than they were passed. */
  for (int i = 2; i >= 0; i--) {
    int32_t handle = take(other.port, &tickets[i]);
    check(handle >= 0);
    struct drive_socket* socket =
        drive_add(&other, iocp_add_socket(other.port, handle, IOCP_DETACHED));
    /* The connection does not notice. */
    check_is(iocp_drop(drive.port, handles[i]), 0);
    exchange(&other, socket, raws[i]);
    drive_close_now(socket);
    raw_close(raws[i]);
  }
  drive_finish(&other);
  drive_finish(&drive);
}

static void wrong_arguments(void) {
  struct drive drive;
  struct iocp_address at;
  struct address address, bad;
  struct ticket ticket = {.length = 16};
  uint8_t bytes[IOCP_TICKET_MAX];
  host_socket peer;
  drive_open(&drive);
  int32_t port = drive.port;
  check_is(take(port, &ticket) < 0, true);
  get_address(port, &address);
  check_is(iocp_inbox(port, NULL, IOCP_INBOX_MAX), -IOCP_EFAULT);
  check_is(iocp_inbox(port, bytes, IOCP_INBOX_MAX - 1), -IOCP_EINVAL);
  struct drive_socket* listener = drive_listen(&drive, "127.0.0.1", 0, &at);
  struct drive_socket* stream = drive_raw_pair(&drive, 0, &peer);
  check_is(try_pass(port, stream->id, 0, &address, &ticket), -IOCP_EINVAL);
  check_is(try_pass(port, 12345, 0, &address, &ticket), -IOCP_EBADF);
  check_is(try_pass(port, -1, 0.5, &address, &ticket), -IOCP_EINVAL);
  host_socket other = host_other_open();
  check_is(try_pass(port, -1, (double)other, &address, &ticket),
           -IOCP_ENOTSOCK);
  check_is(iocp_drop(port, (double)other), -IOCP_ENOTSOCK);
  check_is(iocp_drop(port, -1), -IOCP_EINVAL);
  host_other_close(other);
  int32_t id = listener->id;
  check_is(iocp_pass(port, id, 0, NULL, 8, bytes, sizeof bytes), -IOCP_EFAULT);
  check_is(iocp_pass(port, id, 0, bytes, 8, NULL, sizeof bytes), -IOCP_EFAULT);
  check_is(
      iocp_pass(
          port, id, 0, address.bytes, address.length, bytes, sizeof bytes - 1),
      -IOCP_EINVAL);
  for (uint32_t i = 0; i <= IOCP_INBOX_MAX + 1; i++) {
    memset(&bad, 0xa5, sizeof bad);
    check_is(iocp_pass(port, id, 0, bad.bytes, i, bytes, sizeof bytes),
             -IOCP_EINVAL);
  }
  check_is(iocp_take(port, NULL, 16), -IOCP_EFAULT);
  for (uint32_t i = 0; i < 16; i++)
    check_is(iocp_take(port, bytes, i), -IOCP_EINVAL);
  raw_close(peer);
  drive_finish(&drive);
}

/* The rest is about the queue of the kernel, which only Linux has. */

static void untaken_ones_are_closed(void) {
  struct drive drive, other;
  struct iocp_address at;
  struct address address;
  struct ticket ticket, taken;
  host_socket peer;
  if (host_posts_operations()) return;
  drive_open(&drive);
  drive_open(&other);
  struct drive_socket* listener = drive_listen(&drive, "127.0.0.1", 0, &at);
  get_address(other.port, &address);
  /* More than the port holds, in rounds that the queue of the kernel has room
   * for. Each take holds what was passed before. */
  for (int round = 0; round < 6; round++) {
    for (int i = 0; i < 4; i++)
      check(try_pass(drive.port, listener->id, 0, &address, &ticket) > 0);
    check(try_pass(drive.port, listener->id, 0, &address, &taken) > 0);
    int32_t handle = take(other.port, &taken);
    check(handle >= 0);
    check_is(take(other.port, &taken), -IOCP_ENOENT);
    check_is(iocp_drop(other.port, handle), 0);
  }
  /* Full, and one that stays in the queue of the kernel. */
  int32_t result = 1;
  for (int i = 0; i < 5000 && result > 0; i++)
    result = try_pass(drive.port, listener->id, 0, &address, &ticket);
  check_is(result, -IOCP_EBUSY);
  drive_close_now(listener);
  check(raw_try_connect(&at, &peer) == 0);
  raw_close(peer);
  drive_delete(&other);
  /* All handles of the listener are closed. */
  check_is(raw_try_connect(&at, &peer), -IOCP_ECONNREFUSED);
  listener = drive_listen(&drive, "127.0.0.1", 0, &at);
  check_is(try_pass(drive.port, listener->id, 0, &address, &ticket),
           -IOCP_ECONNREFUSED);
  drive_finish(&drive);
}

/* A process adds a listener once. That another handle of it was closed, which
 * was not added, makes no difference. */
static void are_added_once(void) {
  struct drive drive;
  struct iocp_address at;
  struct address address;
  struct ticket ticket;
  if (host_posts_operations()) return;
  drive_open(&drive);
  struct drive_socket* first = drive_listen(&drive, "127.0.0.1", 0, &at);
  get_address(drive.port, &address);
  check(try_pass(drive.port, first->id, 0, &address, &ticket) > 0);
  struct drive_socket* second = drive_add(
      &drive, iocp_add_listener(drive.port, take(drive.port, &ticket), 0));
  second->is_listener = true;
  check(try_pass(drive.port, first->id, 0, &address, &ticket) > 0);
  drive_close_now(first);
  int32_t handle = take(drive.port, &ticket);
  check(handle >= 0);
  check_is(iocp_add_listener(drive.port, handle, 0), -IOCP_EEXIST);
  drive_close_now(second);
  struct drive_socket* third =
      drive_add(&drive, iocp_add_listener(drive.port, handle, 0));
  third->is_listener = true;
  drive_finish(&drive);
}

/* A process that does not know the secret can only fill the inbox. */
static void without_the_secret(void) {
  struct drive drive;
  struct iocp_address at;
  struct address address, wrong;
  struct ticket ticket, good;
  if (host_posts_operations()) return;
  drive_open(&drive);
  struct drive_socket* listener = drive_listen(&drive, "127.0.0.1", 0, &at);
  get_address(drive.port, &address);
  wrong = address;
  wrong.bytes[0] ^= 1;
  check(try_pass(drive.port, listener->id, 0, &wrong, &ticket) > 0);
  check(try_pass(drive.port, listener->id, 0, &address, &good) > 0);
  check_is(take(drive.port, &ticket), -IOCP_ENOENT);
  int32_t handle = take(drive.port, &good);
  check(handle >= 0);
  check_is(iocp_drop(drive.port, handle), 0);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(listeners),
          TEST_CASE(stops),
          TEST_CASE(to_the_port_of_a_closed_one),
          TEST_CASE(streams),
          TEST_CASE(wrong_arguments),
          TEST_CASE(untaken_ones_are_closed),
          TEST_CASE(are_added_once),
          TEST_CASE(without_the_secret))
