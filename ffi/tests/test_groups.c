/* SPDX-License-Identifier: MIT */
/*
 * A group has counters of its own, and a close of it closes all of its sockets
 * and no others, at once, though all are on one port.
 *
 * It is hard because connections join the group of their listener, because the
 * counts of closed sockets remain, and because nothing may be reported after
 * the close.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/every_call.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

static uint32_t group_new(struct drive* drive) {
  int32_t number = iocp_group_new(drive->port);
  check(number > 0 && number <= IOCP_GROUP_MAX);
  return (uint32_t)number;
}

static struct iocp_stats group_stats(struct drive* drive, uint32_t number) {
  struct iocp_stats stats;
  check_is(iocp_group_stats(drive->port, number, &stats), 0);
  check_is(stats.polls, drive->polls);
  check_is(stats.records, drive->records);
  return stats;
}

static void group_is_gone(struct drive* drive, uint32_t number) {
  struct iocp_stats stats;
  check_is(iocp_group_stats(drive->port, number, &stats), -IOCP_EINVAL);
  check_is(iocp_group_close(drive->port, number), -IOCP_EINVAL);
}

/* Its group was closed, so the driver frees it without a record. */
static void socket_is_gone(struct drive_socket* socket) {
  every_socket_call(socket->drive->port, socket->id, -IOCP_EBADF);
  socket->is_closed = true;
  socket->drive->open_count--;
  drive_forget(socket);
}

/* A listener in a group, and one of its connections, from a plain socket. */
static struct drive_socket* accepted_in(struct drive* drive,
                                        uint32_t group,
                                        struct drive_socket** listener_out,
                                        host_socket* raw_out) {
  struct iocp_address address;
  struct drive_socket* listener = drive_listen(drive, "127.0.0.1", 0, &address);
  drive_set(listener, IOCP_GROUP, (int32_t)group);
  drive_accept(listener, 4);
  *raw_out = raw_connect(&address);
  drive_until(drive, listener->accepted_count == 1);
  *listener_out = listener;
  return drive_next_accepted(listener);
}

static void numbers(void) {
  struct drive drive;
  drive_open(&drive);
  int32_t port = drive.port;
  struct iocp_stats stats;
  struct iocp_address address;
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  check_is(iocp_get_option(port, listener->id, IOCP_GROUP), 0);
  group_is_gone(&drive, 0);
  group_is_gone(&drive, 1);
  group_is_gone(&drive, UINT32_MAX);
  uint32_t one = group_new(&drive), two = group_new(&drive);
  check(one != two);
  check_is(iocp_group_stats(port, one, NULL), -IOCP_EFAULT);
  check_is(iocp_set_option(port, listener->id, IOCP_GROUP, (int32_t)two), 0);
  check_is(iocp_get_option(port, listener->id, IOCP_GROUP), two);
  int32_t wrong[] = {-1, INT32_MIN, (int32_t)two + 1, 65535, 65536, INT32_MAX};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    check_is(iocp_set_option(port, listener->id, IOCP_GROUP, wrong[i]),
             -IOCP_EINVAL);
  check_is(iocp_get_option(port, listener->id, IOCP_GROUP), two);
  check_is(iocp_set_option(port, listener->id, IOCP_GROUP, 0), 0);
  /* A socket that has left the group is not closed. */
  check_is(iocp_group_close(port, two), 0);
  group_is_gone(&drive, two);
  check_is(iocp_get_option(port, listener->id, IOCP_GROUP), 0);
  check_is(iocp_group_stats(port, one, &stats), 0);
  check_is(iocp_group_close(port, one), 0);
  drive_finish(&drive);
}

static void ids_are_used_again(void) {
  struct drive drive;
  drive_open(&drive);
  uint32_t count = 0;
  int32_t last;
  while ((last = iocp_group_new(drive.port)) > 0) check_is(last, ++count);
  check_is(last, -IOCP_EMFILE);
  check_is(count, IOCP_GROUP_MAX);
  check_is(iocp_group_close(drive.port, 700), 0);
  check_is(iocp_group_close(drive.port, 65535), 0);
  check_is(iocp_group_new(drive.port), 65535);
  check_is(iocp_group_new(drive.port), 700);
  check_is(iocp_group_new(drive.port), -IOCP_EMFILE);
  drive_finish(&drive);
}

static void counters_are_separate(void) {
  struct drive drive;
  struct drive_socket* listener;
  host_socket raw, other_raw;
  drive_open(&drive);
  uint32_t one = group_new(&drive), two = group_new(&drive);
  struct drive_socket* server = accepted_in(&drive, one, &listener, &raw);
  check_is(iocp_get_option(drive.port, server->id, IOCP_GROUP), one);
  struct drive_socket* other = drive_raw_pair(&drive, 0, &other_raw);
  drive_set(other, IOCP_GROUP, (int32_t)two);
  check_is(group_stats(&drive, one).sockets, 2);
  check_is(group_stats(&drive, one).accepted, 1);
  check_is(group_stats(&drive, two).sockets, 1);
  check_is(group_stats(&drive, two).accepted, 0);

  drive_sink(server, 7, 100000);
  drive_raw_send(&drive, raw, 7, 0, 5000);
  drive_pump(other, 9, 3000, 3000);
  drive_raw_expect(&drive, other_raw, 9, 0, 3000);
  drive_until(&drive, server->received == 5000 && other->sent == 3000);
  check_is(group_stats(&drive, one).bytes_received, 5000);
  check_is(group_stats(&drive, one).bytes_sent, 0);
  check_is(group_stats(&drive, two).bytes_received, 0);
  check_is(group_stats(&drive, two).bytes_sent, 3000);

  /* The counts of closed sockets remain. */
  raw_close(raw);
  raw_close(other_raw);
  drive_close_now(server);
  drive_close_now(other);
  drive_close_now(listener);
  check_is(group_stats(&drive, one).sockets, 0);
  check_is(group_stats(&drive, one).accepted, 1);
  check_is(group_stats(&drive, one).bytes_received, 5000);
  check_is(group_stats(&drive, two).bytes_sent, 3000);
  /* The counters of a reused group id start at 0. */
  check_is(iocp_group_close(drive.port, two), 0);
  check_is(group_new(&drive), two);
  check_is(group_stats(&drive, two).bytes_sent, 0);
  drive_finish(&drive);
}

/* Operations and send copies count for the group as well. */
static void counts_what_is_held(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  uint32_t one = group_new(&drive), two = group_new(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_set(socket, IOCP_GROUP, (int32_t)one);
  drive_receive(socket, 1000);
  drive_fill(socket, 7);
  drive_poll(&drive);
  struct iocp_stats all, stats = group_stats(&drive, one);
  check_is(iocp_stats(drive.port, &all), 0);
  check(stats.bytes_unsent > 0);
  check_is(stats.bytes_unsent, all.bytes_unsent);
  check_is(stats.operations, all.operations);
  check_is(stats.bytes_posted, all.bytes_posted);
  check_is(stats.operations > 0, host_posts_operations());
  stats = group_stats(&drive, two);
  check_is(stats.bytes_unsent + stats.operations + stats.bytes_posted, 0);
  raw_close(raw);
  drive_close(socket, IOCP_RESET, 0);
  drive_finish(&drive);
}

static void close_ends_its_own_at_once(void) {
  struct drive drive;
  struct drive_socket *listener, *other_listener;
  host_socket raw, idle_raw, other_raw;
  drive_open(&drive);
  uint32_t one = group_new(&drive), two = group_new(&drive);
  struct drive_socket* server = accepted_in(&drive, one, &listener, &raw);
  struct drive_socket* other =
      accepted_in(&drive, two, &other_listener, &other_raw);
  struct drive_socket* idle = drive_raw_pair(&drive, 0, &idle_raw);
  drive_set(idle, IOCP_GROUP, (int32_t)one);
  struct iocp_address address;
  check_is(iocp_get_address(drive.port,
                            listener->id,
                            IOCP_LOCAL,
                            &address,
                            sizeof(struct iocp_address)),
           sizeof(struct iocp_address));
  /* One has a send and a receive pending, one has nothing. */
  drive_receive(server, 1000);
  drive_fill(server, 7);
  drive_sink(other, 9, 100000);
  check_is(iocp_group_close(drive.port, one), 0);
  socket_is_gone(server);
  socket_is_gone(idle);
  socket_is_gone(listener);
  group_is_gone(&drive, one);
  host_socket refused;
  check_is(raw_try_connect(&address, &refused), -IOCP_ECONNREFUSED);
  /* A partial stream must not look complete; a complete one has an end. */
  check_is(drive_raw_end(&drive, raw), -IOCP_ECONNRESET);
  check_is(drive_raw_end(&drive, idle_raw), 0);
  drive_raw_send(&drive, other_raw, 9, 0, 20000);
  drive_until(&drive, other->received == 20000);
  check_is(group_stats(&drive, two).sockets, 2);
  check_is(drive.header.sockets, 2);
  raw_close(raw);
  raw_close(idle_raw);
  raw_close(other_raw);
  drive_finish(&drive);
}

/* In every state that a socket can be in. */
static void close_in_the_middle(void) {
  struct drive drive;
  struct drive_socket* listener;
  host_socket raw, fillers[RAW_FILLERS], raws[4];
  struct iocp_address full;
  drive_open(&drive);
  host_socket full_listener = raw_listen_full(&full, fillers);
  for (int round = 0; round < 20; round++) {
    uint32_t one = group_new(&drive);
    struct drive_socket* sockets[6];
    sockets[0] = accepted_in(&drive, one, &listener, &raw);
    sockets[1] = listener;
    sockets[2] = drive_connect(&drive, &full);
    for (int i = 0; i < 3; i++)
      sockets[3 + i] = drive_raw_pair(&drive, 0, &raws[i]);
    for (int i = 2; i < 6; i++) drive_set(sockets[i], IOCP_GROUP, (int32_t)one);
    drive_close(sockets[3], IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
    drive_detach(sockets[4], DRIVE_DEADLINE_MS);
    drive_receive(sockets[5], 1000);
    drive_shutdown(sockets[5]);
    check_is(group_stats(&drive, one).sockets, 6);
    for (int i = 0; i < 6; i++)
      check_is(iocp_get_option(drive.port, sockets[i]->id, IOCP_GROUP), one);
    check_is(iocp_group_close(drive.port, one), 0);
    for (int i = 0; i < 6; i++) socket_is_gone(sockets[i]);
    drive_for(&drive, 5);
    check_is(drive.header.sockets, 0);
    raw_close(raw);
    for (int i = 0; i < 3; i++) raw_close(raws[i]);
  }
  for (int i = 0; i < RAW_FILLERS; i++) raw_close(fillers[i]);
  raw_close(full_listener);
  drive_finish(&drive);
}

/* Connections that were not reported yet are in the group of their listener. */
static void close_with_silent_peers(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  uint32_t one = group_new(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_set(listener, IOCP_GROUP, (int32_t)one);
  drive_set(listener, IOCP_DEFER_ACCEPT, 1);
  drive_accept(listener, 4);
  host_socket raw = raw_connect(&address);
  drive.may_defer = true;
  drive_for(&drive, 50);
  check_is(iocp_group_close(drive.port, one), 0);
  socket_is_gone(listener);
  drive_for(&drive, 5);
  check_is(drive.header.sockets, 0);
  /* Linux may hold the connection in the kernel, so the peer may not be
   * reset. */
  raw_close(raw);
  drive_finish(&drive);
}

static void groups_come_and_go(void) {
  struct drive drive;
  struct drive_socket* listener;
  host_socket raw;
  drive_open(&drive);
  int32_t handles = 0;
  for (int i = 0; i < 300; i++) {
    uint32_t one = group_new(&drive);
    struct drive_socket* server = accepted_in(&drive, one, &listener, &raw);
    drive_receive(server, 100);
    check_is(iocp_group_close(drive.port, one), 0);
    socket_is_gone(server);
    socket_is_gone(listener);
    raw_close(raw);
    if (i == 100) handles = host_handle_count();
  }
  check(host_handle_count() <= handles + host_handle_slack());
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(numbers),
          TEST_CASE(ids_are_used_again),
          TEST_CASE(counters_are_separate),
          TEST_CASE(counts_what_is_held),
          TEST_CASE(close_ends_its_own_at_once),
          TEST_CASE(close_in_the_middle),
          TEST_CASE(close_with_silent_peers),
          TEST_CASE(groups_come_and_go))
