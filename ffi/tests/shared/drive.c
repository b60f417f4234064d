/* SPDX-License-Identifier: MIT */
#include "drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "raw.h"

#define DRIVE__GUARD 64
#define DRIVE__GUARD_BYTE 0xa5
/* The longest wait of a step, so that conditions outside the port are checked
 * often. */
#define DRIVE__STEP_MS 5

/* ---- memory with guard bytes behind it */

static uint8_t* drive__guarded(size_t size) {
  uint8_t* memory = malloc(size + DRIVE__GUARD);
  check(memory != NULL);
  memset(memory + size, DRIVE__GUARD_BYTE, DRIVE__GUARD);
  return memory;
}

static void drive__check_guard(const uint8_t* memory, size_t size) {
  for (size_t i = 0; i < DRIVE__GUARD; i++)
    check_is(memory[size + i], DRIVE__GUARD_BYTE);
}

static size_t drive__events_size(const struct drive* drive) {
  return sizeof(struct iocp_header) +
         drive->capacity * sizeof(struct iocp_record);
}

/* ---- the sockets by id */

static struct drive_socket** drive__bucket(struct drive* drive, int32_t id) {
  uint32_t hash = (uint32_t)id * 2654435761u;
  return &drive->buckets[hash >> 16 & (DRIVE_BUCKETS - 1)];
}

static struct drive_socket* drive__find(struct drive* drive, int32_t id) {
  struct drive_socket* socket = *drive__bucket(drive, id);
  while (socket != NULL && (socket->id != id || socket->is_closed))
    socket = socket->next_in_bucket;
  return socket;
}

struct drive_socket* drive_add(struct drive* drive, int32_t id) {
  check(id >= 0);
  /* The id of an open socket is never used for another one. */
  check(drive__find(drive, id) == NULL);
  struct drive_socket* socket = calloc(1, sizeof *socket);
  check(socket != NULL);
  struct drive_socket** bucket = drive__bucket(drive, id);
  socket->id = id;
  socket->drive = drive;
  socket->next_in_bucket = *bucket;
  socket->connect_result = DRIVE_NOTHING;
  socket->end_result = DRIVE_NOTHING;
  socket->read_result = DRIVE_NOTHING;
  socket->send_result = DRIVE_NOTHING;
  socket->shut_result = DRIVE_NOTHING;
  socket->close_result = DRIVE_NOTHING;
  socket->accept_error = DRIVE_NOTHING;
  *bucket = socket;
  drive->open_count++;
  drive->socket_count++;
  return socket;
}

void drive_forget(struct drive_socket* socket) {
  struct drive_socket** link = drive__bucket(socket->drive, socket->id);
  check(socket->is_closed);
  while (*link != socket) link = &(*link)->next_in_bucket;
  *link = socket->next_in_bucket;
  socket->drive->socket_count--;
  free(socket);
}

/* ---- the port */

void drive_open(struct drive* drive) { drive_open_sized(drive, 256, 1 << 20); }

void drive_open_sized(struct drive* drive,
                      uint32_t capacity,
                      uint32_t slab_length) {
  memset(drive, 0, sizeof *drive);
  drive->port = iocp_new(0);
  check(drive->port >= 0);
  check_note_port(drive->port);
  drive->capacity = capacity;
  drive->slab_length = slab_length;
  drive->slab = drive__guarded(slab_length);
  drive->events = drive__guarded(drive__events_size(drive));
  drive->touched = calloc(capacity, sizeof *drive->touched);
  drive->scratch = malloc(DRIVE_SCRATCH);
  check(drive->touched != NULL && drive->scratch != NULL);
}

void drive_forget_all(struct drive* drive) {
  for (size_t i = 0; i < DRIVE_BUCKETS; i++) {
    while (drive->buckets[i] != NULL) {
      drive->buckets[i]->is_closed = true;
      drive_forget(drive->buckets[i]);
    }
  }
  check_is(drive->socket_count, 0);
  free(drive->slab);
  free(drive->events);
  free(drive->touched);
  free(drive->scratch);
}

void drive_delete(struct drive* drive) {
  check_is(iocp_delete(drive->port), 0);
  check_is(iocp_delete(drive->port), -IOCP_EBADF);
  drive_forget_all(drive);
}

static void drive__check_stats(struct drive* drive) {
  struct iocp_stats stats;
  check_is(iocp_stats(drive->port, &stats), 0);
  check_is(stats.sockets, drive->open_count);
  check_is(stats.polls, drive->polls);
  check_is(stats.records, drive->records);
  check_is(stats.bytes_received, drive->received);
  check_is(stats.accepted, drive->accepted);
  if (drive->open_count != 0) return;
  check_is(stats.operations, 0);
  check_is(stats.bytes_unsent, 0);
  check_is(stats.bytes_posted, 0);
}

void drive_finish(struct drive* drive) {
  for (size_t i = 0; i < DRIVE_BUCKETS; i++) {
    struct drive_socket* socket = drive->buckets[i];
    for (; socket != NULL; socket = socket->next_in_bucket)
      if (!socket->is_closed && !socket->close_pending)
        drive_close(socket, IOCP_RESET, 0);
  }
  drive_until(drive, drive->open_count == 0);
  /* Nothing may follow the last IOCP_CLOSED. */
  drive_for(drive, 20);
  drive__check_stats(drive);
  drive_delete(drive);
}

/* ---- one record */

static bool drive__completes(bool* pending) {
  bool was_pending = *pending;
  *pending = false;
  return was_pending;
}

static void drive__accepted(struct drive_socket* listener, int32_t result) {
  check(listener->is_listener);
  if (result < 0) {
    listener->accept_error = result;
    listener->accept_error_count++;
    return;
  }
  check(!listener->close_pending);
  listener->drive->accepted++;
  listener->accepted_count++;
  struct drive_socket* socket = drive_add(listener->drive, result);
  if (listener->accepted_first == NULL)
    listener->accepted_first = socket;
  else
    listener->accepted_last->next_accepted = socket;
  listener->accepted_last = socket;
}

static void drive__ended(struct drive_socket* socket, int32_t result) {
  check_is(socket->end_result, DRIVE_NOTHING);
  check(socket->credit != 0);
  /* Only a close cancels. After it a receive may not end in another way. */
  if (!socket->may_time_out || result != -IOCP_ETIMEDOUT)
    check_is(result == -IOCP_ECANCELED, socket->close_pending);
  socket->end_result = result;
  socket->credit = 0;
}

static void drive__received(struct drive_socket* socket,
                            const struct iocp_record* record,
                            uint32_t* chunk_end) {
  struct drive* drive = socket->drive;
  if (record->result <= 0) {
    drive__ended(socket, record->result);
    return;
  }
  uint32_t length = (uint32_t)record->result;
  uint32_t offset = (uint32_t)record->detail;
  if (socket->detach_pending) {
    /* Bytes that operations had received, even without credit. */
    check(socket->close_pending);
    socket->credit = length;
  } else {
    check_is(socket->end_result, DRIVE_NOTHING);
    check(!socket->close_pending);
  }
  check(length <= socket->credit);
  check(length <= IOCP_RECEIVE_MAX);
  /* Chunks do not overlap, and lie in the used part of the slab. */
  check(offset >= *chunk_end);
  check(offset + length <= (uint32_t)drive->header.slab_end);
  *chunk_end = offset + length;
  if (socket->receive_seed != 0)
    pattern_check(
        drive->slab + offset, length, socket->receive_seed, socket->received);
  socket->credit -= length;
  socket->received += length;
  drive->received += length;
}

static void drive__closed(struct drive_socket* socket,
                          const struct iocp_record* record) {
  int32_t result = record->result;
  check(drive__completes(&socket->close_pending) ||
        (socket->may_time_out && result == -IOCP_ETIMEDOUT));
  if (socket->detach_pending && result == 0)
    socket->handle = (uint32_t)record->detail;
  else if (result == 0)
    check_is(record->detail, 0);
  /* This is the last record, so everything else has completed. */
  check(!socket->connect_pending);
  check(!socket->read_pending);
  check_is(socket->sends_pending, 0);
  check(!socket->shut_pending);
  check_is(socket->credit, 0);
  socket->close_result = result;
  socket->is_closed = true;
  socket->drive->open_count--;
}

/* Sends complete in the order in which they were made. */
static void drive__sent(struct drive_socket* socket, int32_t result) {
  check(socket->sends_pending != 0);
  check(result < 0 || (result > 0 && result <= socket->send_accepted[0]));
  socket->send_pending = false;
  socket->sends_pending--;
  memmove(socket->send_accepted,
          socket->send_accepted + 1,
          socket->sends_pending * sizeof socket->send_accepted[0]);
  socket->send_result = result;
}

static void drive__record(struct drive_socket* socket,
                          const struct iocp_record* record,
                          uint32_t* chunk_end) {
  int32_t result = record->result;
  if (result < 0) socket->last_detail = record->detail;
  switch (record->kind) {
    case IOCP_ACCEPTED:
      drive__accepted(socket, result);
      break;
    case IOCP_CONNECTED:
      check(drive__completes(&socket->connect_pending));
      check(result <= 0);
      socket->connect_result = result;
      break;
    case IOCP_RECEIVED:
      drive__received(socket, record, chunk_end);
      break;
    case IOCP_DATAGRAMS:
      drive_check_datagrams(socket, record, chunk_end);
      break;
    case IOCP_READABLE:
      check(drive__completes(&socket->read_pending));
      check_is(result, socket->close_pending ? -IOCP_ECANCELED : 0);
      socket->read_result = result;
      socket->readable_count++;
      break;
    case IOCP_SENT:
      drive__sent(socket, result);
      break;
    case IOCP_SHUT:
      check(drive__completes(&socket->shut_pending));
      check(result <= 0);
      /* All bytes are sent before the FIN. */
      check_is(socket->sends_pending, 0);
      socket->shut_result = result;
      break;
    case IOCP_CLOSED:
      check(result <= 0);
      drive__closed(socket, record);
      break;
    default:
      check(!"a record of a known kind");
  }
}

/* ---- polling */

/* The driver reacts to a record after all records of the batch were checked, so
 * that its calls cannot hide an error in the batch. */
static void drive__act(struct drive_socket* socket,
                       const struct iocp_record* record) {
  struct drive* drive = socket->drive;
  const uint8_t* bytes = NULL;
  bool is_open = !socket->close_pending && !socket->is_closed;
  if (record->kind == IOCP_RECEIVED && record->result > 0)
    bytes = drive->slab + record->detail;
  if (is_open && bytes != NULL && socket->refills)
    drive_receive(socket, (uint32_t)record->result);
  if (is_open && record->kind == IOCP_SENT && record->result > 0 &&
      socket->sent < socket->send_goal)
    drive_pump(socket, socket->send_seed, socket->send_goal, socket->send_size);
  if (drive->on_record != NULL) drive->on_record(socket, record, bytes);
}

static void drive__check_header(struct drive* drive, int32_t count) {
  struct iocp_header* header = &drive->header;
  check(count >= 0 && count <= (int32_t)drive->capacity);
  check(header->slab_end >= (int32_t)drive->slab_offset);
  check(header->slab_end <= (int32_t)drive->slab_length);
  check((header->flags & ~(IOCP_MORE | IOCP_SLAB_FULL)) == 0);
  check(header->timeout_ms >= -1);
}

uint32_t drive_poll(struct drive* drive) {
  memset(drive->events, 0xee, drive__events_size(drive));
  int32_t count = iocp_poll(drive->port,
                            drive->events,
                            drive->capacity,
                            drive->slab,
                            drive->slab_offset,
                            drive->slab_length);
  memcpy(&drive->header, drive->events, sizeof drive->header);
  drive__check_header(drive, count);
  drive__check_guard(drive->events, drive__events_size(drive));
  drive__check_guard(drive->slab, drive->slab_length);
  drive->polls++;
  drive->records += (uint32_t)count;
  uint32_t chunk_end = drive->slab_offset;
  const struct iocp_record* records =
      (const void*)(drive->events + sizeof drive->header);
  for (int32_t i = 0; i < count; i++) {
    drive->touched[i] = drive__find(drive, records[i].socket);
    /* There are no records for sockets that are closed or never existed. */
    check(drive->touched[i] != NULL);
    drive__record(drive->touched[i], &records[i], &chunk_end);
  }
  if (!drive->may_defer)
    check_is(drive->header.sockets, drive->open_count);
  else
    check(drive->header.sockets >= (int32_t)drive->open_count);
  for (int32_t i = 0; i < count; i++)
    drive__act(drive->touched[i], &records[i]);
  /* The bytes have been checked. When the slab is nearly full, it is used again
   * from its start, as a new one would be. */
  drive->slab_offset = (uint32_t)drive->header.slab_end;
  if (drive->slab_length - drive->slab_offset < IOCP_SLAB_MIN ||
      (drive->header.flags & IOCP_SLAB_FULL) != 0)
    drive->slab_offset = 0;
  return (uint32_t)count;
}

void drive_drain(struct drive* drive) {
  do drive_poll(drive);
  while ((drive->header.flags & (IOCP_MORE | IOCP_SLAB_FULL)) != 0);
}

static void drive__wait(struct drive* drive, uint32_t limit_ms) {
  int32_t wait_ms = drive->header.timeout_ms;
  if (wait_ms < 0 || wait_ms > (int32_t)limit_ms) wait_ms = (int32_t)limit_ms;
  int32_t result = iocp_wait(drive->port, wait_ms);
  check(result == 0 || result == 1);
}

void drive_for(struct drive* drive, uint32_t duration_ms) {
  uint64_t until_ms = host_now_ms() + duration_ms;
  do {
    drive__wait(drive, DRIVE__STEP_MS);
    drive_drain(drive);
  } while (host_now_ms() < until_ms);
}

void drive_step(struct drive* drive,
                uint64_t deadline_ms,
                const char* file,
                int line,
                const char* expression) {
  if (host_now_ms() > deadline_ms) check_failed(file, line, expression);
  drive__wait(drive, DRIVE__STEP_MS);
  drive_poll(drive);
}
