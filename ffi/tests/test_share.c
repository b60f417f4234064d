/* SPDX-License-Identifier: MIT */
/*
 * Connections that one listener hands out to ports of other threads.
 *
 * It is hard because a port may go at any time, with connections under way to
 * it: each connection must be delivered once, by a port that is there, or be
 * reset when there is none.
 */
#include <stdatomic.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define PARTS 3
#define ACCEPTS 16

static struct drive_socket* take_part(struct drive* drive, int32_t share) {
  struct drive_socket* part =
      drive_add(drive, iocp_take_part(drive->port, share));
  check(part != NULL);
  part->is_listener = true;
  return part;
}

/* A part on a port of its own, which accepts. */
static struct drive_socket* open_part(struct drive* drive, int32_t share) {
  drive_open(drive);
  struct drive_socket* part = take_part(drive, share);
  drive_accept(part, ACCEPTS);
  return part;
}

/* A listener that hands out; returns the share. */
static int32_t open_share(struct drive* drive,
                          struct drive_socket** listener_out,
                          struct iocp_address* at) {
  struct drive_socket* listener = drive_listen(drive, "127.0.0.1", 0, at);
  int32_t share = iocp_share(drive->port, listener->id, -1);
  check(share >= 0);
  drive_accept(listener, ACCEPTS);
  *listener_out = listener;
  return share;
}

static uint32_t handed_out(struct drive_socket* listener) {
  return (uint32_t)drive_stats(listener).accepted;
}

/* The driver counts what is delivered. */
static void finish(struct drive* drive, struct drive_socket* listener) {
  drive->accepted += handed_out(listener);
  drive_finish(drive);
}

static void exchange(struct drive* drive,
                     struct drive_socket* part,
                     host_socket peer) {
  drive_until(drive, part->accepted_first != NULL);
  struct drive_socket* socket = drive_next_accepted(part);
  drive_sink(socket, 7, 50000);
  drive_pump(socket, 9, 200000, 100000);
  drive_raw_send(drive, peer, 7, 0, 30000);
  drive_raw_expect(drive, peer, 9, 0, 200000);
  drive_until(drive, socket->received == 30000);
}

static void are_spread(void) {
  struct drive source, drives[PARTS];
  struct drive_socket *listener, *parts[PARTS];
  struct iocp_address at, name;
  host_socket peers[10 * PARTS];
  drive_open(&source);
  int32_t share = open_share(&source, &listener, &at);
  for (int i = 0; i < PARTS; i++) {
    parts[i] = open_part(&drives[i], share);
    check_is(iocp_get_address(
                 drives[i].port, parts[i]->id, IOCP_LOCAL, &name, sizeof name),
             sizeof name);
    check_is(name.port, at.port);
  }
  for (uint32_t i = 0; i < 10 * PARTS; i++) {
    peers[i] = raw_connect(&at);
    drive_until(&source, handed_out(listener) == i + 1);
    for (int j = 0; j < PARTS; j++) drive_drain(&drives[j]);
  }
  for (int i = 0; i < PARTS; i++) {
    check_is(parts[i]->accepted_count, 10);
    check_is(drive_stats(parts[i]).accepted, 10);
  }
  /* Which of them a part got is known by their order. */
  for (int i = 0; i < PARTS; i++) exchange(&drives[i], parts[i], peers[i]);
  for (int i = 0; i < 10 * PARTS; i++) raw_close(peers[i]);
  for (int i = 0; i < PARTS; i++) drive_finish(&drives[i]);
  finish(&source, listener);
}

/* A part that is not polled gets no more than one connection ahead of those
 * that are. */
static void a_busy_part_gets_less(void) {
  struct drive source, drives[2];
  struct drive_socket *listener, *parts[2];
  struct iocp_address at;
  host_socket peers[20];
  drive_open(&source);
  int32_t share = open_share(&source, &listener, &at);
  for (int i = 0; i < 2; i++) parts[i] = open_part(&drives[i], share);
  for (uint32_t i = 0; i < 20; i++) {
    peers[i] = raw_connect(&at);
    drive_until(&source, handed_out(listener) == i + 1);
    drive_drain(&drives[1]);
  }
  check_is(parts[1]->accepted_count, 19);
  drive_until(&drives[0], parts[0]->accepted_count == 1);
  for (int i = 0; i < 20; i++) raw_close(peers[i]);
  for (int i = 0; i < 2; i++) drive_finish(&drives[i]);
  finish(&source, listener);
}

/* Without a part that accepts, connections wait. */
static void wait_for_a_part(void) {
  struct drive source, drive;
  struct drive_socket* listener;
  struct iocp_address at;
  drive_open(&source);
  int32_t share = open_share(&source, &listener, &at);
  host_socket peer = raw_connect(&at);
  drive_for(&source, 20);
  check_is(handed_out(listener), 0);
  drive_open(&drive);
  struct drive_socket* part = take_part(&drive, share);
  drive_for(&source, 20);
  check_is(handed_out(listener), 0);
  drive_accept(part, 1);
  drive_until(&source, handed_out(listener) == 1);
  exchange(&drive, part, peer);
  /* A part that has stopped accepting gives back what it has not delivered. */
  drive_accept(part, 1);
  host_socket second = raw_connect(&at);
  drive_until(&source, handed_out(listener) == 2);
  drive_accept(part, 0);
  drive_for(&drive, 20);
  check_is(part->accepted_count, 1);
  check_is(drive_stats(listener).accepts_ready, 1);
  check_is(iocp_stop(drive.port, part->id), 0);
  struct drive_socket* other = take_part(&source, share);
  drive_accept(other, 1);
  exchange(&source, other, second);
  raw_close(peer);
  raw_close(second);
  drive_finish(&drive);
  finish(&source, listener);
}

enum way { CLOSED, DELETED, WAYS, STOPPED = WAYS };

/* What a part was given and has not delivered goes to another one. */
static void a_part_goes(void) {
  for (enum way way = CLOSED; way < WAYS; way++) {
    struct drive source, drives[2];
    struct drive_socket *listener, *parts[2];
    struct iocp_address at;
    host_socket peers[8];
    drive_open(&source);
    int32_t share = open_share(&source, &listener, &at);
    for (int i = 0; i < 2; i++) parts[i] = open_part(&drives[i], share);
    for (int i = 0; i < 8; i++) peers[i] = raw_connect(&at);
    drive_until(&source, handed_out(listener) == 8);
    if (way == CLOSED)
      drive_close_now(parts[0]);
    else
      drive_delete(&drives[0]);
    drive_until(&drives[1], parts[1]->accepted_count == 8);
    for (int i = 0; i < 8; i++) raw_close(peers[i]);
    drive_finish(&drives[1]);
    if (way == CLOSED) drive_finish(&drives[0]);
    finish(&source, listener);
  }
}

/* The parts deliver what they were given, and then end. */
static void the_listener_goes(void) {
  for (enum way way = CLOSED; way < WAYS; way++) {
    struct drive source, drives[2];
    struct drive_socket *listener, *parts[2];
    struct iocp_address at;
    host_socket peers[8], late;
    drive_open(&source);
    int32_t share = open_share(&source, &listener, &at);
    for (int i = 0; i < 2; i++) parts[i] = open_part(&drives[i], share);
    for (int i = 0; i < 8; i++) peers[i] = raw_connect(&at);
    drive_until(&source, handed_out(listener) == 8);
    source.accepted += 8;
    if (way == CLOSED)
      drive_close_now(listener);
    else
      drive_delete(&source);
    check_is(raw_try_connect(&at, &late), -IOCP_ECONNREFUSED);
    for (int i = 0; i < 2; i++) {
      drive_until(&drives[i], parts[i]->accepted_count == 4);
      /* The driver expects only what was asked for. */
      parts[i]->close_pending = true;
      drive_until(&drives[i], parts[i]->is_closed);
      check_is(parts[i]->close_result, 0);
      check_is(iocp_take_part(drives[i].port, share), -IOCP_ENOENT);
    }
    for (int i = 0; i < 8; i++) raw_close(peers[i]);
    for (int i = 0; i < 2; i++) drive_finish(&drives[i]);
    if (way == CLOSED) drive_finish(&source);
  }
}

/* After the end of the listener, the rest of a part that goes or stops
 * accepting is still for the others. */
static void a_part_goes_after_the_listener(void) {
  for (enum way way = CLOSED; way <= STOPPED; way++) {
    struct drive source, drives[2];
    struct drive_socket *listener, *parts[2];
    struct iocp_address at;
    host_socket peers[8];
    drive_open(&source);
    int32_t share = open_share(&source, &listener, &at);
    for (int i = 0; i < 2; i++) parts[i] = open_part(&drives[i], share);
    for (int i = 0; i < 8; i++) peers[i] = raw_connect(&at);
    drive_until(&source, handed_out(listener) == 8);
    source.accepted += 8;
    drive_close_now(listener);
    if (way == CLOSED)
      drive_close_now(parts[0]);
    else if (way == DELETED)
      drive_delete(&drives[0]);
    else
      drive_accept(parts[0], 0);
    drive_until(&drives[1], parts[1]->accepted_count == 8);
    parts[1]->close_pending = true;
    drive_until(&drives[1], parts[1]->is_closed);
    for (int i = 0; i < 8; i++) raw_close(peers[i]);
    drive_finish(&drives[1]);
    if (way == STOPPED) parts[0]->close_pending = true;
    if (way == STOPPED) drive_until(&drives[0], parts[0]->is_closed);
    if (way != DELETED) drive_finish(&drives[0]);
    drive_finish(&source);
  }
}

/* What no part was given is reset with the listener. */
static void what_no_part_took_is_reset(void) {
  struct drive source, drive;
  struct drive_socket* listener;
  struct iocp_address at;
  int32_t handles = host_handle_count();
  drive_open(&source);
  drive_open(&drive);
  int32_t share = open_share(&source, &listener, &at);
  struct drive_socket* part = take_part(&drive, share);
  drive_accept(part, 1);
  host_socket peer = raw_connect(&at);
  drive_until(&source, handed_out(listener) == 1);
  drive_close_now(part);
  source.accepted++;
  drive_close_now(listener);
  check_is(drive_raw_end(&drive, peer), -IOCP_ECONNRESET);
  raw_close(peer);
  drive_finish(&drive);
  drive_finish(&source);
  check(host_handle_count() <= handles + host_handle_slack());
}

/* Two listeners, one of each family, and options of the parts. */
static void of_two_listeners(void) {
  struct drive source, drive;
  struct drive_socket* listeners[2];
  struct iocp_address at[2];
  drive_open(&source);
  drive_open(&drive);
  int32_t share = open_share(&source, &listeners[0], &at[0]);
  listeners[1] = drive_listen(&source, "::1", 0, &at[1]);
  check_is(iocp_share(source.port, listeners[1]->id, share), share);
  drive_accept(listeners[1], ACCEPTS);
  struct drive_socket* part = take_part(&drive, share);
  drive.may_defer = true;
  drive_set(part, IOCP_DEFER_ACCEPT, 1);
  drive_set(part, IOCP_FIRST_BYTE_TIMEOUT, 60000);
  drive_set(part, IOCP_RECEIVE_DEPTH, 2);
  drive_accept(part, 1);
  for (int i = 0; i < 2; i++) {
    host_socket peer = raw_connect(&at[i]);
    drive_until(&source, handed_out(listeners[i]) == 1);
    drive_for(&drive, 20);
    check_is(part->accepted_count, i);
    drive_raw_send(&drive, peer, 7, 0, 1);
    drive_until(&drive, part->accepted_first != NULL);
    struct drive_socket* socket = drive_next_accepted(part);
    check_is(iocp_get_option(drive.port, socket->id, IOCP_RECEIVE_DEPTH), 2);
    drive_close(socket, IOCP_RESET, 0);
    raw_close(peer);
  }
  source.accepted++;
  drive_close_now(listeners[0]);
  check(!part->is_closed);
  drive_finish(&drive);
  finish(&source, listeners[1]);
}

/* More than the parts hold: some wait in the share, and the rest in the
 * backlog. */
static void a_burst(void) {
  enum { BURST = IOCP_SHARE_PART_MAX + IOCP_SHARE_QUEUE_MAX + 20 };
  struct drive source, drive;
  struct drive_socket* listener;
  struct iocp_address at;
  host_socket peers[BURST];
  drive_open(&source);
  drive_open(&drive);
  int32_t share = open_share(&source, &listener, &at);
  struct drive_socket* part = take_part(&drive, share);
  drive_accept(part, ACCEPTS);
  for (int i = 0; i < BURST; i++) peers[i] = raw_connect(&at);
  drive_until(
      &source,
      handed_out(listener) == IOCP_SHARE_PART_MAX + IOCP_SHARE_QUEUE_MAX);
  drive_for(&source, 20);
  check(handed_out(listener) == IOCP_SHARE_PART_MAX + IOCP_SHARE_QUEUE_MAX);
  check(drive_stats(listener).accepts_ready >= IOCP_SHARE_QUEUE_MAX);
  drive_poll(&drive);
  check(part->accepted_count <= IOCP_SHARE_PART_MAX);
  drive_until(&drive,
              (drive_drain(&source), part->accepted_count == (uint32_t)BURST));
  for (int i = 0; i < BURST; i++) raw_close(peers[i]);
  drive_finish(&drive);
  finish(&source, listener);
}

static void wrong_arguments(void) {
  struct drive drive;
  struct drive_socket *listener, *client, *server;
  struct iocp_address at;
  int32_t port;
  drive_open(&drive);
  port = drive.port;
  check_is(iocp_take_part(port, -1), -IOCP_ENOENT);
  int32_t share = open_share(&drive, &listener, &at);
  check_is(iocp_share(port, listener->id, -1), -IOCP_EINVAL);
  check_is(iocp_set_option(port, listener->id, IOCP_DEFER_ACCEPT, 1),
           -IOCP_ENOTSUP);
  check_is(iocp_set_option(port, listener->id, IOCP_FIRST_BYTE_TIMEOUT, 1),
           -IOCP_ENOTSUP);
  struct drive_socket* other = drive_listen(&drive, "127.0.0.1", 0, &at);
  check_is(iocp_share(port, other->id, share + IOCP_SHARES_MAX), -IOCP_ENOENT);
  check_is(iocp_share(port, other->id, share + 1), -IOCP_ENOENT);
  check_is(iocp_take_part(port, share + IOCP_SHARES_MAX), -IOCP_ENOENT);
  check_is(iocp_take_part(port, INT32_MAX), -IOCP_ENOENT);
  drive_set(other, IOCP_FIRST_BYTE_TIMEOUT, 1000);
  check_is(iocp_share(port, other->id, -1), -IOCP_EINVAL);
  struct drive_socket* part = take_part(&drive, share);
  check_is(iocp_share(port, part->id, -1), -IOCP_EINVAL);
  check_is(iocp_set_option(port, part->id, IOCP_BACKLOG, 5), -IOCP_ENOTSUP);
  check_is(iocp_set_option(port, part->id, IOCP_NO_DELAY, 1), -IOCP_ENOTSUP);
  check_is(iocp_get_option(port, part->id, IOCP_NO_DELAY), -IOCP_ENOTSUP);
  check_is(iocp_get_address(port, part->id, IOCP_PEER, &at, sizeof at),
           -IOCP_ENOTCONN);
  drive_close_now(other);
  drive_pair(&drive, &client, &server);
  check_is(iocp_share(port, client->id, -1), -IOCP_EINVAL);
  drive_finish(&drive);
}

/* ---- threads */

#define THREADS 3
#define CONNECTIONS 600

struct crowd {
  int32_t share;
  atomic_uint served;
  atomic_bool is_over;
};

/* Sends a byte to each connection that was delivered. Returns their number. */
static uint32_t serve(struct crowd* crowd, struct drive_socket* part) {
  struct drive_socket* socket;
  uint32_t count = 0;
  while ((socket = drive_next_accepted(part)) != NULL) {
    check_is(drive_send(socket, "x", 1), 1);
    drive_close(socket, IOCP_GRACEFUL, 100);
    count++;
  }
  atomic_fetch_add(&crowd->served, count);
  return count;
}

/* A part that ends after a few connections, again and again. */
static void part_main(void* argument) {
  struct crowd* crowd = argument;
  while (!atomic_load(&crowd->is_over)) {
    struct drive drive;
    drive_open(&drive);
    struct drive_socket* part = take_part(&drive, crowd->share);
    drive_accept(part, ACCEPTS);
    for (uint32_t count = 0; count < 20 && !atomic_load(&crowd->is_over);) {
      drive_for(&drive, 1);
      count += serve(crowd, part);
    }
    /* Nothing is delivered after the call, and what was is served. */
    drive_close(part, IOCP_RESET, 0);
    serve(crowd, part);
    drive_until(&drive, drive.open_count == 0);
    drive_finish(&drive);
  }
}

/* Parts come and go meanwhile, and no connection is lost. */
static void in_threads(void) {
  struct drive source;
  struct drive_socket* listener;
  struct iocp_address at;
  struct crowd crowd = {0};
  struct host_thread* threads[THREADS];
  drive_open(&source);
  crowd.share = open_share(&source, &listener, &at);
  for (int i = 0; i < THREADS; i++)
    threads[i] = host_thread_start(part_main, &crowd);
  for (int i = 0; i < CONNECTIONS; i += 20) {
    host_socket peers[20];
    for (int j = 0; j < 20; j++) peers[j] = raw_connect(&at);
    drive_until(&source, atomic_load(&crowd.served) == (uint32_t)i + 20);
    for (int j = 0; j < 20; j++) {
      check_is(drive_raw_end(&source, peers[j]), 0);
      raw_close(peers[j]);
    }
  }
  atomic_store(&crowd.is_over, true);
  for (int i = 0; i < THREADS; i++) host_thread_join(threads[i]);
  check_is(handed_out(listener), CONNECTIONS);
  finish(&source, listener);
}

TEST_MAIN(TEST_CASE(are_spread),
          TEST_CASE(a_busy_part_gets_less),
          TEST_CASE(wait_for_a_part),
          TEST_CASE(a_part_goes),
          TEST_CASE(the_listener_goes),
          TEST_CASE(a_part_goes_after_the_listener),
          TEST_CASE(what_no_part_took_is_reset),
          TEST_CASE(of_two_listeners),
          TEST_CASE(a_burst),
          TEST_CASE(wrong_arguments),
          TEST_CASE(in_threads))
