/* SPDX-License-Identifier: MIT */
/*
 * A full slab, or room for a single record, delays results and loses none: they
 * are reported by the next polls, in order.
 *
 * It is hard because the kernel reports an edge or a completion once. What does
 * not fit must be remembered, for every kind of record, and reported before
 * anything later of the same socket.
 */
#include <stdlib.h>
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

/* Many streams both ways through arrays of these sizes. */
static void many_streams(uint32_t capacity, uint32_t slab_length) {
  enum { PAIRS = 20 };
  struct drive drive;
  struct drive_socket* ends[2 * PAIRS];
  uint64_t size = 300000;
  drive_open_sized(&drive, capacity, slab_length);
  for (int i = 0; i < PAIRS; i++)
    drive_pair(&drive, &ends[2 * i], &ends[2 * i + 1]);
  for (unsigned i = 0; i < 2 * PAIRS; i++) {
    drive_sink(ends[i], 1000 + (i ^ 1), 100000);
    drive_pump(ends[i], 1000 + i, size, 50000);
  }
  for (int i = 0; i < 2 * PAIRS; i++) {
    drive_until(&drive, ends[i]->sent == size);
    drive_shutdown(ends[i]);
  }
  for (int i = 0; i < 2 * PAIRS; i++) {
    drive_until(&drive, ends[i]->end_result != DRIVE_NOTHING);
    check_is(ends[i]->end_result, 0);
    check_is(ends[i]->received, size);
  }
  for (int i = 0; i < 2 * PAIRS; i++)
    drive_close(ends[i], IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  for (int i = 0; i < 2 * PAIRS; i++) {
    drive_until(&drive, ends[i]->is_closed);
    check_is(ends[i]->close_result, 0);
  }
  drive_finish(&drive);
}

static void one_record_at_a_time(void) { many_streams(1, 1 << 20); }

static void smallest_slab(void) { many_streams(256, IOCP_SLAB_MIN); }

static void smallest_of_both(void) { many_streams(1, IOCP_SLAB_MIN); }

/* The header says whether another poll would report more at once. */
static void more_is_reported(void) {
  enum { STREAMS = 5 };
  struct drive drive;
  struct drive_socket* sockets[STREAMS];
  host_socket raws[STREAMS];
  drive_open_sized(&drive, 1, 65536);
  for (int i = 0; i < STREAMS; i++)
    sockets[i] = drive_raw_pair(&drive, 0, &raws[i]);
  drive_drain(&drive);
  for (int i = 0; i < STREAMS; i++) drive_shutdown(sockets[i]);
  for (int i = 0; i < STREAMS; i++) {
    check_is(drive_poll(&drive), 1);
    if (i + 1 < STREAMS) check((drive.header.flags & IOCP_MORE) != 0);
  }
  drive_drain(&drive);
  check_is(drive.header.flags, 0);
  for (int i = 0; i < STREAMS; i++) raw_close(raws[i]);
  drive_finish(&drive);
}

/* A result that waits for room in the record array was not reported, so its
 * operation is still pending for the user. */
static void unreported_results_still_count(void) {
  enum { STREAMS = 10 };
  static uint8_t bytes[IOCP_SEND_MAX];
  struct drive drive;
  struct drive_socket* sockets[STREAMS];
  host_socket raws[STREAMS];
  uint32_t pending = STREAMS;
  drive_open_sized(&drive, 1, 65536);
  for (int i = 0; i < STREAMS; i++) {
    sockets[i] = drive_raw_pair(&drive, 0, &raws[i]);
    drive_fill(sockets[i], 9);
  }
  /* All peers read at once, so that many sends complete in one poll. */
  while (pending != 0) {
    for (int i = 0; i < STREAMS; i++)
      while (raw_receive(raws[i], bytes, sizeof bytes) > 0) continue;
    drive_poll(&drive);
    pending = 0;
    for (int i = 0; i < STREAMS; i++) {
      if (!sockets[i]->send_pending) continue;
      pending++;
      check_is(iocp_send(drive.port, sockets[i]->id, bytes, 0, 1), -IOCP_EBUSY);
    }
  }
  for (int i = 0; i < STREAMS; i++) raw_close(raws[i]);
  drive_finish(&drive);
}

/* With one byte less than IOCP_SLAB_MIN nothing is received, and the header
 * says so. */
static void too_little_room_waits(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_receive(socket, 1000);
  socket->receive_seed = 7;
  drive_drain(&drive);
  /* With so little room the driver starts the slab anew after each poll. */
  uint8_t byte;
  pattern_fill(&byte, 1, 7, 0);
  check_is(raw_send(raw, &byte, 1), 1);
  uint64_t until_ms = host_now_ms() + DRIVE_DEADLINE_MS;
  do {
    drive.slab_offset = drive.slab_length - (IOCP_SLAB_MIN - 1);
    check_is(drive_poll(&drive), 0);
    check(host_now_ms() < until_ms);
  } while ((drive.header.flags & IOCP_SLAB_FULL) == 0);
  /* There is something to report, so a wait returns at once. */
  check_is(iocp_wait(drive.port, DRIVE_DEADLINE_MS), 1);
  drive.slab_offset = drive.slab_length - IOCP_SLAB_MIN;
  check_is(drive_poll(&drive), 1);
  check_is(socket->received, 1);
  raw_close(raw);
  drive_finish(&drive);
}

/* Other records need no slab, and are reported before the data that does. */
static void no_slab_at_all(void) {
  struct drive drive;
  host_socket raw;
  uint64_t until_ms = host_now_ms() + DRIVE_DEADLINE_MS;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_receive(socket, 1000);
  check_is(raw_send(raw, "x", 1), 1);
  struct {
    struct iocp_header header;
    struct iocp_record record;
  } events;
  do {
    check_is(iocp_poll(drive.port, &events, 1, NULL, 0, 0), 0);
    drive.polls++;
    check(host_now_ms() < until_ms);
  } while ((events.header.flags & IOCP_SLAB_FULL) == 0);
  check_is(events.header.slab_end, 0);
  check_is(iocp_shutdown(drive.port, socket->id), 0);
  do {
    drive.polls++;
    check(host_now_ms() < until_ms);
  } while (iocp_poll(drive.port, &events, 1, NULL, 0, 0) == 0);
  drive.records++;
  check_is(events.record.socket, socket->id);
  check_is(events.record.kind, IOCP_SHUT);
  check_is(events.record.result, 0);
  drive_until(&drive, socket->received == 1);
  raw_close(raw);
  drive_finish(&drive);
}

struct slab_chunks {
  uint32_t offsets[4096];
  uint32_t lengths[4096];
  uint32_t count;
};

static void slab_record(struct drive_socket* socket,
                        const struct iocp_record* record,
                        const uint8_t* bytes) {
  struct slab_chunks* chunks = socket->user;
  if (bytes == NULL || chunks == NULL) return;
  check(chunks->count < 4096);
  chunks->offsets[chunks->count] = (uint32_t)record->detail;
  chunks->lengths[chunks->count++] = (uint32_t)record->result;
}

/* Reported bytes belong to the user: later polls do not overwrite them. Each
 * chunk starts at a multiple of eight, for views of numbers. */
static void earlier_chunks_stay(void) {
  struct drive drive;
  host_socket raw;
  uint64_t position = 0;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  struct slab_chunks* chunks = calloc(1, sizeof *chunks);
  check(chunks != NULL);
  drive_drain(&drive);
  drive.slab_offset = 0;
  drive.on_record = slab_record;
  socket->user = chunks;
  drive_sink(socket, 7, 5000);
  for (uint32_t i = 1; position < drive.slab_length / 2; i++) {
    drive_raw_send(&drive, raw, 7, position, i);
    position += i;
    drive_until(&drive, socket->received == position);
  }
  position = 0;
  for (uint32_t i = 0; i < chunks->count; i++) {
    check_is(chunks->offsets[i] % 8, 0);
    pattern_check(
        drive.slab + chunks->offsets[i], chunks->lengths[i], 7, position);
    position += chunks->lengths[i];
  }
  check_is(position, socket->received);
  drive.on_record = NULL;
  raw_close(raw);
  drive_finish(&drive);
  free(chunks);
}

TEST_MAIN(TEST_CASE(one_record_at_a_time),
          TEST_CASE(smallest_slab),
          TEST_CASE(smallest_of_both),
          TEST_CASE(more_is_reported),
          TEST_CASE(unreported_results_still_count),
          TEST_CASE(too_little_room_waits),
          TEST_CASE(no_slab_at_all),
          TEST_CASE(earlier_chunks_stay))
