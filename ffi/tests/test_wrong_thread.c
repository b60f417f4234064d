/* SPDX-License-Identifier: MIT */
/*
 * A port belongs to the thread that made it. Every call from another thread is
 * -IOCP_EXDEV and touches nothing, but for iocp_wait() and iocp_wake().
 *
 * It is hard because nothing in the library is locked: the refusal itself must
 * not look into a port that its owner is changing at that moment.
 */
#include <stdatomic.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/every_call.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

struct stranger {
  int32_t port;
  int32_t listener;
  int32_t stream;
  atomic_bool stops;
  atomic_uint rounds;
};

static void stranger_main(void* argument) {
  struct stranger* stranger = argument;
  do {
    every_port_call(stranger->port, stranger->listener, -IOCP_EXDEV);
    every_port_call(stranger->port, stranger->stream, -IOCP_EXDEV);
    /* The port comes first: a wrong socket name makes no difference. */
    every_port_call(stranger->port, -1, -IOCP_EXDEV);
    atomic_fetch_add(&stranger->rounds, 1);
  } while (!atomic_load(&stranger->stops));
}

static void every_call_is_refused(void) {
  struct drive drive;
  struct iocp_address address;
  struct stranger stranger = {.stops = true};
  drive_open(&drive);
  struct drive_socket* client;
  struct drive_socket* server;
  drive_pair(&drive, &client, &server);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  stranger.port = drive.port;
  stranger.listener = listener->name;
  stranger.stream = server->name;
  host_thread_join(host_thread_start(stranger_main, &stranger));
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
static void refusals_disturb_nothing(void) {
  struct drive drive;
  struct stranger stranger = {.stops = false};
  struct drive_socket* client;
  struct drive_socket* server;
  uint64_t size = 8 << 20;
  drive_open(&drive);
  drive_pair(&drive, &client, &server);
  stranger.port = drive.port;
  stranger.listener = client->name;
  stranger.stream = server->name;
  struct host_thread* thread = host_thread_start(stranger_main, &stranger);
  drive_sink(server, 7, 100000);
  drive_pump(client, 7, size, 50000);
  drive_until(&drive,
              server->received == size && atomic_load(&stranger.rounds) > 3);
  atomic_store(&stranger.stops, true);
  host_thread_join(thread);
  drive_finish(&drive);
}

/* To a thread that has ports of its own, a foreign one is still foreign. */
static void owner_main(void* argument) {
  struct stranger* stranger = argument;
  struct drive drive;
  drive_open(&drive);
  every_port_call(stranger->port, stranger->stream, -IOCP_EXDEV);
  check_is(drive_poll(&drive), 0);
  drive_finish(&drive);
}

static void another_owner_is_a_stranger_too(void) {
  struct drive drive;
  struct stranger stranger = {.stops = true};
  drive_open(&drive);
  stranger.port = drive.port;
  host_thread_join(host_thread_start(owner_main, &stranger));
  check_is(drive_poll(&drive), 0);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(every_call_is_refused),
          TEST_CASE(refusals_disturb_nothing),
          TEST_CASE(another_owner_is_a_stranger_too))
