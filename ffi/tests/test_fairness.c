/* SPDX-License-Identifier: MIT */
/*
 * Busy streams do not hold up the others: in the smallest arrays, a quiet
 * stream, a new connection and a close are all reported in time.
 *
 * It is hard because a socket with more data stays ready; if it were always
 * visited first, no other would be.
 */
#include <stdatomic.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define FLOODS 3

struct flood {
  host_socket raw;
  atomic_bool stops;
};

/* Sends as fast as it can, from a thread of its own. */
static void flood_main(void* argument) {
  static const uint8_t bytes[65536];
  struct flood* flood = argument;
  while (!atomic_load(&flood->stops)) {
    int32_t count = raw_send(flood->raw, bytes, sizeof bytes);
    if (count == HOST_WOULD_BLOCK) host_sleep_ms(1);
  }
}

static void with_arrays(uint32_t capacity, uint32_t slab_length) {
  struct drive drive;
  struct iocp_address address;
  struct flood floods[FLOODS];
  struct host_thread* threads[FLOODS];
  struct drive_socket* client;
  struct drive_socket* server;
  drive_open_sized(&drive, capacity, slab_length);
  for (int i = 0; i < FLOODS; i++) {
    struct drive_socket* socket = drive_raw_pair(&drive, 0, &floods[i].raw);
    drive_sink(socket, 0, 1 << 30);
    atomic_init(&floods[i].stops, false);
    threads[i] = host_thread_start(flood_main, &floods[i]);
  }
  drive_pair(&drive, &client, &server);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 4);
  drive_sink(server, 7, 65536);
  for (uint64_t i = 1; i <= 100; i++) {
    drive_pump(client, 7, i * 100, 100);
    drive_until(&drive, server->received == i * 100);
    if (i % 10 != 0) continue;
    host_socket raw = raw_connect(&address);
    drive_until(&drive, listener->accepted_count == i / 10);
    raw_close(raw);
  }
  drive_close(client, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_until(&drive, server->end_result == 0);
  drive_close_now(server);
  drive_until(&drive, client->is_closed);
  for (int i = 0; i < FLOODS; i++) {
    atomic_store(&floods[i].stops, true);
    host_thread_join(threads[i]);
    raw_close(floods[i].raw);
  }
  drive_finish(&drive);
}

static void one_record(void) { with_arrays(1, 65536); }

static void smallest_slab(void) { with_arrays(16, IOCP_SLAB_MIN); }

static void large_arrays(void) { with_arrays(256, 1 << 20); }

/* Several streams have much to receive, and the slab has room for one at a
 * time: the others are reported within a few polls. */
static void room_is_shared(void) {
  static const uint8_t bytes[65536];
  struct drive drive;
  host_socket raws[FLOODS + 1];
  struct drive_socket* sockets[FLOODS + 1];
  drive_open_sized(&drive, 16, IOCP_SLAB_MIN);
  for (int i = 0; i <= FLOODS; i++)
    sockets[i] = drive_raw_pair(&drive, 0, &raws[i]);
  for (int i = 0; i < FLOODS; i++)
    while (raw_send(raws[i], bytes, sizeof bytes) > 0) continue;
  check_is(raw_send(raws[FLOODS], "x", 1), 1);
  drive_for(&drive, 50);
  for (int i = 0; i <= FLOODS; i++) drive_sink(sockets[i], 0, 1 << 30);
  for (int i = 0; i < 10 * FLOODS; i++) drive_poll(&drive);
  for (int i = 0; i <= FLOODS; i++) check(sockets[i]->received != 0);
  for (int i = 0; i <= FLOODS; i++) raw_close(raws[i]);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(room_is_shared),
          TEST_CASE(one_record),
          TEST_CASE(smallest_slab),
          TEST_CASE(large_arrays))
