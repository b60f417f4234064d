/* SPDX-License-Identifier: MIT */
/*
 * A stream is closed while send copies are pending. All bytes reach a peer that
 * reads, however slowly. If the peer does not read, the close times out, and
 * the peer sees a reset, never an end.
 *
 * It is hard because both kernels would rather cut the stream, and a cut stream
 * with a clean end looks complete to the peer (measured in Wine: 5 of 64 MB);
 * and because they report progress in large steps only.
 */
#include <stdio.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define SMALL_BUFFER 16384

static double stat_bytes_sent(struct drive* drive) {
  struct iocp_stats stats;
  check_is(iocp_stats(drive->port, &stats), 0);
  return stats.bytes_sent;
}

static void slow_peer_gets_all(bool shuts_first) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, SMALL_BUFFER, &raw);
  drive_fill(socket, 9);
  if (shuts_first) drive_shutdown(socket);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_for(&drive, 50);
  check(!socket->is_closed);
  check_is(socket->send_result, DRIVE_NOTHING);
  for (uint64_t position = 0; position < socket->sent;) {
    uint64_t left = socket->sent - position;
    uint64_t length = left < 100000 ? left : 100000;
    drive_raw_expect(&drive, raw, 9, position, length);
    position += length;
    if (position % 1000000 == 0) drive_for(&drive, 5);
  }
  check_is(drive_raw_end(&drive, raw), 0);
  raw_close(raw);
  drive_until(&drive, socket->is_closed);
  check_is(socket->close_result, 0);
  check(socket->send_result > 0);
  check_is(socket->shut_result, shuts_first ? 0 : DRIVE_NOTHING);
  drive_finish(&drive);
}

static void slow_peer_gets_everything(void) { slow_peer_gets_all(false); }

static void also_after_a_shutdown(void) { slow_peer_gets_all(true); }

/* Every size of the last send, so that any byte may be the one that is cut. */
static void closes_right_after_a_send(void) {
  struct drive drive;
  drive_open(&drive);
  for (uint32_t i = 0; i < 60; i++) {
    struct drive_socket* client;
    struct drive_socket* server;
    uint32_t size = i * 8713 + 1;
    drive_pair(&drive, &client, &server);
    drive_sink(server, 9, 1 << 20);
    drive_pump(client, 9, size, 2 * IOCP_SEND_MAX);
    drive_until(&drive, client->sent == size);
    drive_close(client, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
    drive_until(&drive, server->end_result != DRIVE_NOTHING);
    check_is(server->end_result, 0);
    check_is(server->received, size);
    drive_close_now(server);
    drive_until(&drive, client->is_closed);
    check_is(client->close_result, 0);
    drive_forget(client);
    drive_forget(server);
  }
  drive_finish(&drive);
}

static void peer_that_never_reads(void) {
  static const uint32_t timeouts_ms[] = {0, 1, 300};
  for (size_t i = 0; i < sizeof timeouts_ms / sizeof timeouts_ms[0]; i++) {
    struct drive drive;
    host_socket raw;
    drive_open(&drive);
    struct drive_socket* socket = drive_raw_pair(&drive, SMALL_BUFFER, &raw);
    drive_fill(socket, 9);
    drive_for(&drive, 50);
    uint64_t start_ms = host_now_ms();
    drive_close(socket, IOCP_GRACEFUL, timeouts_ms[i]);
    drive_until(&drive, socket->is_closed);
    check(host_now_ms() - start_ms + 20 >= timeouts_ms[i]);
    check_is(socket->close_result, -IOCP_ETIMEDOUT);
    check(socket->send_result < 0);
    check_is(drive_raw_end(&drive, raw), -IOCP_ECONNRESET);
    raw_close(raw);
    drive_finish(&drive);
  }
}

/* Deadlines of all lengths, some longer than one turn of the timer wheel (4 s),
 * set in mixed order: none fires too early or is forgotten. */
static void many_deadlines(void) {
  static const uint32_t timeouts_ms[] = {
      4600, 100, 2500, 0, 800, 4100, 1, 400, 100, 1600};
  enum { COUNT = sizeof timeouts_ms / sizeof timeouts_ms[0] };
  struct drive drive;
  struct drive_socket* sockets[COUNT];
  host_socket raws[COUNT];
  uint64_t starts_ms[COUNT];
  bool was_seen[COUNT] = {false};
  drive_open(&drive);
  for (int i = 0; i < COUNT; i++) {
    sockets[i] = drive_raw_pair(&drive, SMALL_BUFFER, &raws[i]);
    drive_fill(sockets[i], 9);
  }
  drive_for(&drive, 50);
  for (int i = 0; i < COUNT; i++) {
    starts_ms[i] = host_now_ms();
    drive_close(sockets[i], IOCP_GRACEFUL, timeouts_ms[i]);
  }
  for (uint32_t closed = 0; closed < COUNT;) {
    uint32_t before = drive.open_count;
    drive_until(&drive, drive.open_count < before);
    for (int i = 0; i < COUNT; i++) {
      if (was_seen[i] || !sockets[i]->is_closed) continue;
      check(host_now_ms() - starts_ms[i] + 20 >= timeouts_ms[i]);
      check_is(sockets[i]->close_result, -IOCP_ETIMEDOUT);
      was_seen[i] = true;
      closed++;
    }
  }
  for (int i = 0; i < COUNT; i++) raw_close(raws[i]);
  drive_finish(&drive);
}

/* Reads until the port could send more. Returns false if that took so long that
 * the deadline may have passed. */
static bool read_until_moved(struct drive* drive,
                             host_socket raw,
                             uint64_t* position,
                             uint64_t limit_ms) {
  uint64_t start_ms = host_now_ms();
  double before = stat_bytes_sent(drive);
  while (stat_bytes_sent(drive) == before) {
    drive_raw_expect(drive, raw, 9, *position, 4000);
    *position += 4000;
    drive_for(drive, 1);
  }
  return host_now_ms() - start_ms < limit_ms;
}

/* The deadline counts only without progress: a close that takes longer, but
 * progresses, does not time out. Returns false if the machine was too slow to
 * tell. */
static bool try_progress(void) {
  enum { TIMEOUT_MS = 2000, STEPS = 4 };
  struct drive drive;
  host_socket ours, raw;
  uint64_t position = 0;
  bool was_fast = true;
  drive_open(&drive);
  /* Small buffers at both ends, so that the send copy leaves in small steps. */
  raw_pair(SMALL_BUFFER, &ours, &raw);
  struct drive_socket* socket =
      drive_add(&drive, iocp_add_socket(drive.port, (double)ours, 0));
  drive_fill(socket, 9);
  drive_close(socket, IOCP_GRACEFUL, TIMEOUT_MS);
  for (int i = 0; i < STEPS && was_fast && !socket->is_closed; i++) {
    uint64_t start_ms = host_now_ms();
    drive_for(&drive, TIMEOUT_MS / 3);
    if (socket->send_result != DRIVE_NOTHING) break;
    was_fast = read_until_moved(&drive, raw, &position, TIMEOUT_MS / 3) &&
               host_now_ms() - start_ms < TIMEOUT_MS - 100;
  }
  if (was_fast) {
    drive_raw_expect(&drive, raw, 9, position, socket->sent - position);
    check_is(drive_raw_end(&drive, raw), 0);
  }
  raw_close(raw);
  if (was_fast) {
    drive_until(&drive, socket->is_closed);
    check_is(socket->close_result, 0);
  }
  drive_finish(&drive);
  return was_fast;
}

static void progress_moves_the_deadline(void) {
  for (int i = 0; i < 5; i++)
    if (try_progress()) return;
  test_skip("the machine was too slow");
}

/* The peer reads a little all the time. The kernel has so much to send that it
 * accepts no more of the send copy within the timeout. Returns false if the
 * machine was too slow to tell. */
static bool try_trickle(void) {
  enum { TIMEOUT_MS = 1500, TOTAL_MS = 3 * TIMEOUT_MS, PAUSE_MS = 20 };
  struct drive drive;
  host_socket raw;
  uint64_t position = 0;
  bool was_fast = true;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, SMALL_BUFFER, &raw);
  drive_fill(socket, 9);
  /* Where the system does not report acknowledgements, a whole send copy must
   * leave in time. */
  uint64_t part = iocp_progress(drive.port, socket->id) == 1 ? 4000 : 100000;
  drive_close(socket, IOCP_GRACEFUL, TIMEOUT_MS);
  uint64_t start_ms = host_now_ms();
  while (was_fast && host_now_ms() - start_ms < TOTAL_MS &&
         socket->sent - position > part) {
    uint64_t step_ms = host_now_ms();
    drive_raw_expect(&drive, raw, 9, position, part);
    position += part;
    drive_for(&drive, PAUSE_MS);
    was_fast = host_now_ms() - step_ms < TIMEOUT_MS / 4;
    check(!was_fast || socket->close_result != -IOCP_ETIMEDOUT);
  }
  if (was_fast) {
    drive_raw_expect(&drive, raw, 9, position, socket->sent - position);
    check_is(drive_raw_end(&drive, raw), 0);
  }
  raw_close(raw);
  if (was_fast) {
    drive_until(&drive, socket->is_closed);
    check_is(socket->close_result, 0);
  }
  drive_finish(&drive);
  return was_fast;
}

static void trickle_moves_the_deadline(void) {
  for (int i = 0; i < 5; i++)
    if (try_trickle()) return;
  test_skip("the machine was too slow");
}

/* iocp_progress() asks for what the peer's system has acknowledged, too. */
static void progress_is_what_the_peer_acknowledges(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, SMALL_BUFFER, &raw);
  drive_fill(socket, 9);
  bool is_reported = iocp_progress(drive.port, socket->id) == 1;
  drive_for(&drive, 100);
  iocp_progress(drive.port, socket->id);
  for (int i = 0; i < 3; i++) {
    drive_for(&drive, 20);
    check_is(iocp_progress(drive.port, socket->id), 0);
  }
  drive_raw_expect(&drive, raw, 9, 0, 100000);
  if (is_reported)
    drive_until(&drive, iocp_progress(drive.port, socket->id) == 1);
  raw_close(raw);
  drive_finish(&drive);
}

/* The user may reset a connection whose graceful close takes too long. */
static void reset_ends_the_wait(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, SMALL_BUFFER, &raw);
  drive_fill(socket, 9);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_for(&drive, 20);
  check_is(iocp_close(drive.port, socket->id, IOCP_GRACEFUL, 0), 0);
  drive_for(&drive, 50);
  check(!socket->is_closed);
  drive_close(socket, IOCP_RESET, 0);
  drive_until(&drive, socket->is_closed);
  check_is(socket->send_result, -IOCP_ECANCELED);
  check_is(socket->close_result, 0);
  check_is(drive_raw_end(&drive, raw), -IOCP_ECONNRESET);
  raw_close(raw);
  drive_finish(&drive);
}

/* The peer resets during the close: not all bytes could arrive, and the records
 * report it. */
static void peer_resets_meanwhile(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, SMALL_BUFFER, &raw);
  drive_fill(socket, 9);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_for(&drive, 20);
  raw_reset(raw);
  drive_until(&drive, socket->is_closed);
  check_is(socket->send_result, -IOCP_ECONNRESET);
  check_is(socket->close_result, -IOCP_ECONNRESET);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(slow_peer_gets_everything),
          TEST_CASE(also_after_a_shutdown),
          TEST_CASE(closes_right_after_a_send),
          TEST_CASE(peer_that_never_reads),
          TEST_CASE(many_deadlines),
          TEST_CASE(progress_moves_the_deadline),
          TEST_CASE(trickle_moves_the_deadline),
          TEST_CASE(progress_is_what_the_peer_acknowledges),
          TEST_CASE(reset_ends_the_wait),
          TEST_CASE(peer_resets_meanwhile))
