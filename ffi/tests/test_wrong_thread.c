/* SPDX-License-Identifier: MIT */
/*
 * A port belongs to the thread that made it. Every call from another thread
 * returns -IOCP_EXDEV and has no effect, except iocp_wait() and iocp_wake().
 *
 * It is hard because nothing in the library is locked: the check itself must
 * not read a port that its owner is changing at that moment.
 */
#include <stdatomic.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/every_call.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

struct other_thread {
  int32_t port;
  int32_t listener;
  int32_t stream;
  atomic_bool stops;
  atomic_uint rounds;
};

static void other_thread_main(void* argument) {
  struct other_thread* other_thread = argument;
  do {
    every_port_call(other_thread->port, other_thread->listener, -IOCP_EXDEV);
    every_port_call(other_thread->port, other_thread->stream, -IOCP_EXDEV);
    /* The port is checked first, so the socket id makes no difference. */
    every_port_call(other_thread->port, -1, -IOCP_EXDEV);
    atomic_fetch_add(&other_thread->rounds, 1);
  } while (!atomic_load(&other_thread->stops));
}

static void every_call_is_refused(void) {
  struct drive drive;
  struct iocp_address address;
  struct other_thread other_thread = {.stops = true};
  drive_open(&drive);
  struct drive_socket* client;
  struct drive_socket* server;
  drive_pair(&drive, &client, &server);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  other_thread.port = drive.port;
  other_thread.listener = listener->id;
  other_thread.stream = server->id;
  host_thread_join(host_thread_start(other_thread_main, &other_thread));
  check_is(drive_poll(&drive), 0);
  check_is(drive.header.sockets, 3);
  drive_accept(listener, 1);
  host_socket raw = raw_connect(&address);
  drive_until(&drive, listener->accepted_count == 1);
  drive_sink(server, 7, 1000);
  drive_pump(client, 7, 1000, 1000);
  drive_until(&drive, server->received == 1000);
  raw_close(raw);
  drive_finish(&drive);
}

/* The same while the owner works at full speed. */
static void refusals_have_no_effect(void) {
  struct drive drive;
  struct other_thread other_thread = {.stops = false};
  struct drive_socket* client;
  struct drive_socket* server;
  uint64_t size = 8 << 20;
  drive_open(&drive);
  drive_pair(&drive, &client, &server);
  other_thread.port = drive.port;
  other_thread.listener = client->id;
  other_thread.stream = server->id;
  struct host_thread* thread =
      host_thread_start(other_thread_main, &other_thread);
  drive_sink(server, 7, 100000);
  drive_pump(client, 7, size, 50000);
  drive_until(
      &drive,
      server->received == size && atomic_load(&other_thread.rounds) > 3);
  atomic_store(&other_thread.stops, true);
  host_thread_join(thread);
  drive_finish(&drive);
}

/* A thread with ports of its own has no access to those of others. */
static void owner_main(void* argument) {
  struct other_thread* other_thread = argument;
  struct drive drive;
  drive_open(&drive);
  every_port_call(other_thread->port, other_thread->stream, -IOCP_EXDEV);
  check_is(drive_poll(&drive), 0);
  drive_finish(&drive);
}

static void another_owner_is_refused_too(void) {
  struct drive drive;
  struct other_thread other_thread = {.stops = true};
  drive_open(&drive);
  other_thread.port = drive.port;
  host_thread_join(host_thread_start(owner_main, &other_thread));
  check_is(drive_poll(&drive), 0);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(every_call_is_refused),
          TEST_CASE(refusals_have_no_effect),
          TEST_CASE(another_owner_is_refused_too))
