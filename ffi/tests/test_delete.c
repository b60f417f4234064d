/* SPDX-License-Identifier: MIT */
/*
 * A port is deleted with everything open: connects, accepts, receives and sends
 * pending, closes in every phase, results that were not reported. All handles
 * and all memory are freed, and no peer takes a cut stream for a complete one.
 *
 * It is hard because there is no further poll: pending operations must be
 * canceled and waited for before their memory is freed.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define SMALL_BUFFER 16384

/* Sends until there is a send copy, which may be gone soon. */
static void make_send_copy(struct drive_socket* socket) {
  static uint8_t bytes[IOCP_SEND_MAX];
  while (!socket->send_pending) drive_send(socket, bytes, sizeof bytes);
}

static void empty_port(void) {
  struct drive drive;
  drive_open(&drive);
  drive_delete(&drive);
}

/* Peers that have received everything see an end or a reset. Others see a
 * reset. */
static void streams_in_every_state(void) {
  enum { KINDS = 8 };
  struct drive drive;
  host_socket raws[KINDS];
  struct drive_socket* sockets[KINDS];
  char byte;
  drive_open(&drive);
  for (int i = 0; i < KINDS; i++)
    sockets[i] = drive_raw_pair(&drive, SMALL_BUFFER, &raws[i]);
  drive_receive(sockets[1], 1000);
  check_is(drive_read(sockets[2], &byte, 1), IOCP_PENDING);
  for (int i = 3; i < 6; i++) drive_fill(sockets[i], 9);
  drive_shutdown(sockets[4]);
  drive_close(sockets[5], IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  check_is(drive_send(sockets[6], "x", 1), 1);
  drive_close(sockets[6], IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_shutdown(sockets[7]);
  drive_for(&drive, 20);
  drive_delete(&drive);
  drive_open(&drive);
  for (int i = 0; i < KINDS; i++) {
    bool would_miss_bytes = i >= 3 && i <= 5;
    check_is(drive_raw_end(&drive, raws[i]),
             would_miss_bytes ? -IOCP_ECONNRESET : 0);
    raw_close(raws[i]);
  }
  drive_delete(&drive);
}

static void connects_and_accepts(void) {
  enum { PEERS = 30 };
  struct drive drive;
  struct iocp_address addresses[3], own;
  host_socket raws[PEERS], fillers[RAW_FILLERS];
  /* One that answers, one that refuses, and one that does neither. */
  host_socket listener = raw_listen("127.0.0.1", &addresses[0]);
  host_socket held = raw_hold("127.0.0.1", &addresses[1]);
  host_socket full = raw_listen_full(&addresses[2], fillers);
  drive_open(&drive);
  for (int i = 0; i < PEERS; i++) drive_connect(&drive, &addresses[i % 3]);
  struct drive_socket* pool = drive_listen(&drive, "127.0.0.1", 0, &own);
  drive_accept(pool, 32);
  struct drive_socket* idle =
      drive_listen(&drive, "127.0.0.1", 0, &addresses[1]);
  drive_accept(idle, 5);
  drive_accept(idle, 0);
  for (int i = 0; i < PEERS; i++) raws[i] = raw_connect(&own);
  drive_delete(&drive);
  drive_open(&drive);
  for (int i = 0; i < PEERS; i++) {
    int32_t end = drive_raw_end(&drive, raws[i]);
    check(end == 0 || end == -IOCP_ECONNRESET);
    raw_close(raws[i]);
  }
  check(raw_try_connect(&own, &raws[0]) < 0);
  for (int i = 0; i < RAW_FILLERS; i++) raw_close(fillers[i]);
  raw_close(full);
  raw_close(held);
  raw_close(listener);
  drive_delete(&drive);
}

/* Accepted, received, sent, shut and closed, but never polled. */
static void unreported_results(void) {
  struct drive drive;
  struct iocp_address address;
  host_socket raws[2];
  drive_open_sized(&drive, 1, 65536);
  struct drive_socket* stream = drive_raw_pair(&drive, 0, &raws[0]);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 8);
  drive_receive(stream, 1000);
  check_is(raw_send(raws[0], "data", 4), 4);
  raws[1] = raw_connect(&address);
  drive_shutdown(stream);
  drive_poll(&drive);
  drive_close(stream, IOCP_RESET, 0);
  drive_delete(&drive);
  drive_open(&drive);
  for (int i = 0; i < 2; i++) {
    int32_t end = drive_raw_end(&drive, raws[i]);
    check(end == 0 || end == -IOCP_ECONNRESET);
    raw_close(raws[i]);
  }
  drive_delete(&drive);
}

/* The port is deleted during a detach: nothing returns the handle, and the peer
 * must not take what it has for everything. */
static void detach_after_a_part(void) {
  static uint8_t bytes[IOCP_SEND_MAX + 1];
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  pattern_fill(bytes, sizeof bytes, 7, 0);
  check_is(drive_send(socket, bytes, sizeof bytes), IOCP_SEND_MAX);
  drive_raw_expect(&drive, raw, 7, 0, IOCP_SEND_MAX);
  drive_until(&drive, socket->sends_pending == 0);
  drive_detach(socket, DRIVE_DEADLINE_MS);
  drive_delete(&drive);
  drive_open(&drive);
  check_is(drive_raw_end(&drive, raw), -IOCP_ECONNRESET);
  raw_close(raw);
  drive_delete(&drive);
}

/* Both ends of many connections are on the port. */
static void delete_with_traffic(void) {
  enum { PAIRS = 20 };
  struct drive drive;
  struct drive_socket* ends[2];
  drive_open(&drive);
  for (int i = 0; i < PAIRS; i++) {
    drive_pair(&drive, &ends[0], &ends[1]);
    for (int j = 0; j < 2; j++) {
      drive_sink(ends[j], 9, 100000);
      drive_pump(ends[j], 9, 1 << 30, IOCP_SEND_MAX);
    }
  }
  for (int i = 0; i < 50; i++) drive_poll(&drive);
  drive_delete(&drive);
}

/* Repeated, since leaks of deletes add up. */
static void memory_is_freed(void) {
  enum { WARM_UP = 30, ROUNDS = 150 };
  int64_t memory = 0;
  int32_t handles = 0;
  for (int i = 0; i < WARM_UP + ROUNDS; i++) {
    struct drive drive;
    struct iocp_address address;
    host_socket raws[3];
    drive_open_sized(&drive, 16, 65536);
    for (int j = 0; j < 2; j++)
      raws[j] = -1,
      make_send_copy(drive_raw_pair(&drive, SMALL_BUFFER, &raws[j]));
    drive_receive(drive_raw_pair(&drive, SMALL_BUFFER, &raws[2]), 100000);
    drive_accept(drive_listen(&drive, "127.0.0.1", 0, &address), 64);
    drive_connect(&drive, &address);
    drive_poll(&drive);
    drive_delete(&drive);
    for (int j = 0; j < 3; j++) raw_close(raws[j]);
    if (i != WARM_UP) continue;
    memory = host_memory();
    handles = host_handle_count();
  }
  check(host_handle_count() <= handles + host_handle_slack());
  /* One leaked send copy per round would be 38 MB. */
  check(host_memory() - memory < (8 << 20) + host_memory_slack());
}

TEST_MAIN(TEST_CASE(empty_port),
          TEST_CASE(streams_in_every_state),
          TEST_CASE(connects_and_accepts),
          TEST_CASE(unreported_results),
          TEST_CASE(detach_after_a_part),
          TEST_CASE(delete_with_traffic),
          TEST_CASE(memory_is_freed))
