/* SPDX-License-Identifier: MIT */
/* Datagram sockets of the driver. */
#include <string.h>

#include "drive.h"
#include "raw.h"
#include "test.h"

static struct drive_socket* drive__add_datagram(struct drive* drive,
                                                int32_t id) {
  struct drive_socket* socket = drive_add(drive, id);
  socket->is_datagram = true;
  return socket;
}

bool drive_open_datagrams(struct drive* drive) {
  struct iocp_address address = raw_address("127.0.0.1", 0);
  drive_open(drive);
  int32_t id = iocp_bind(drive->port, &address, 0, IOCP_MODE_DEFAULT);
  if (id == -IOCP_ENOTSUP) {
    drive_delete(drive);
    test_skip("this engine has no datagram sockets yet");
    return false;
  }
  drive_close_now(drive__add_datagram(drive, id));
  return true;
}

/* ---- making sockets */

struct drive_socket* drive_bind(struct drive* drive,
                                const char* literal,
                                uint32_t flags,
                                struct iocp_address* address_out) {
  struct iocp_address address = raw_address(literal, 0);
  struct drive_socket* socket = drive__add_datagram(
      drive, iocp_bind(drive->port, &address, flags, IOCP_MODE_DEFAULT));
  check_is(iocp_get_address(drive->port,
                            socket->id,
                            IOCP_LOCAL,
                            address_out,
                            sizeof *address_out),
           sizeof *address_out);
  check(address_out->port != 0);
  return socket;
}

struct iocp_path drive_path(const char* path) {
  struct iocp_path name = {.family = IOCP_UNIX};
  size_t length = path == NULL ? 0 : strlen(path);
  check(length <= sizeof name.bytes);
  name.length = (uint16_t)length;
  if (length != 0) memcpy(name.bytes, path, length);
  if (name.bytes[0] == '@') name.bytes[0] = 0;
  return name;
}

struct drive_socket* drive_bind_path(struct drive* drive,
                                     const char* path,
                                     uint32_t flags,
                                     uint32_t mode) {
  struct iocp_path name = drive_path(path);
  return drive__add_datagram(drive, iocp_bind(drive->port, &name, flags, mode));
}

/* ---- sending */

static void drive__note_copy(struct drive_socket* socket, int32_t count) {
  socket->send_pending = true;
  socket->send_accepted[socket->sends_pending++] = count;
}

int32_t drive_send_to(struct drive_socket* socket,
                      const void* bytes,
                      uint32_t length,
                      const void* address) {
  int32_t result =
      iocp_send_to(socket->drive->port, socket->id, bytes, 0, length, address);
  if (result < 0) return result;
  check_is(result & ~IOCP_PENDING, length);
  socket->sent += length;
  if ((result & IOCP_PENDING) != 0) drive__note_copy(socket, 1);
  return result;
}

int32_t drive_send_many(struct drive_socket* socket,
                        const void* memory,
                        uint32_t length,
                        uint32_t count) {
  int32_t result =
      iocp_send_many(socket->drive->port, socket->id, memory, length, count);
  if (result < 0) return result;
  int32_t taken = result & ~IOCP_PENDING;
  check(taken > 0 && taken <= (int32_t)count);
  if ((result & IOCP_PENDING) != 0) drive__note_copy(socket, taken);
  return result;
}

uint32_t drive_pack(uint8_t* memory,
                    const struct iocp_address* to,
                    const void* bytes,
                    uint32_t length) {
  struct iocp_datagram header = {.length = length};
  if (to != NULL) header.from = *to;
  memcpy(memory, &header, sizeof header);
  if (length != 0) memcpy(memory + sizeof header, bytes, length);
  return (uint32_t)sizeof header + ((length + 7) & ~7u);
}

/* ---- receiving */

int32_t drive_receive_from(struct drive_socket* socket,
                           void* bytes,
                           uint32_t length,
                           struct iocp_datagram* datagram_out,
                           void* path_out) {
  uint8_t memory[sizeof *datagram_out + IOCP_DATAGRAM_PATH_MAX];
  memset(memory, 0xa5, sizeof memory);
  int32_t result = iocp_receive_from(
      socket->drive->port, socket->id, bytes, 0, length, memory);
  if (result == IOCP_PENDING) {
    socket->read_pending = true;
    socket->read_result = DRIVE_NOTHING;
  } else if (result >= 0) {
    memcpy(datagram_out, memory, sizeof *datagram_out);
    check_is(result, datagram_out->length);
    check(datagram_out->length <= length);
    check(datagram_out->size >= datagram_out->length);
    if (path_out != NULL)
      memcpy(path_out, memory + sizeof *datagram_out, IOCP_DATAGRAM_PATH_MAX);
    socket->received += (uint32_t)result;
    socket->drive->received += (uint32_t)result;
    return result;
  }
  /* Without a datagram, nothing was written. */
  for (size_t i = 0; i < sizeof memory; i++) check_is(memory[i], 0xa5);
  return result;
}

static uint32_t drive__padded(uint32_t bytes) { return (bytes + 7) & ~7u; }

/* One datagram at `memory`, in `room` bytes. Returns its size. */
static uint32_t drive__datagram(struct drive_socket* socket,
                                const uint8_t* memory,
                                uint32_t room) {
  struct iocp_datagram* last = &socket->last;
  uint32_t size = sizeof *last;
  check(room >= size);
  memcpy(last, memory, sizeof *last);
  uint32_t path = last->from.family == IOCP_UNIX ? last->from.port : 0;
  check(path <= IOCP_DATAGRAM_PATH_MAX);
  check(last->length <= IOCP_DATAGRAM_MAX);
  check(last->size >= last->length);
  memset(socket->last_path, 0, sizeof socket->last_path);
  memcpy(socket->last_path, memory + size, path);
  size += drive__padded(path);
  check(size + drive__padded(last->length) <= room);
  if (socket->drive->on_datagram != NULL)
    socket->drive->on_datagram(socket, last, memory + size);
  socket->datagram_count++;
  socket->received += last->length;
  socket->drive->received += last->length;
  return size + drive__padded(last->length);
}

/* A close cancels the credit; other errors leave it. */
static void drive__datagram_error(struct drive_socket* socket, int32_t result) {
  check(socket->credit != 0);
  if (result == -IOCP_ECANCELED) {
    check(socket->close_pending);
    socket->credit = 0;
    socket->end_result = result;
    return;
  }
  socket->error_count++;
  socket->datagram_error = result;
}

void drive_check_datagrams(struct drive_socket* socket,
                           const struct iocp_record* record,
                           uint32_t* chunk_end) {
  struct drive* drive = socket->drive;
  uint32_t begin = (uint32_t)record->detail;
  uint32_t offset = begin;
  check(socket->is_datagram);
  check_is(socket->end_result, DRIVE_NOTHING);
  check(record->result != 0);
  if (record->result < 0) {
    drive__datagram_error(socket, record->result);
    return;
  }
  check(!socket->close_pending);
  check(socket->credit != 0);
  check(begin >= *chunk_end);
  check_is((begin - drive->slab_offset) % 8, 0);
  for (int32_t i = 0; i < record->result; i++)
    offset += drive__datagram(socket,
                              drive->slab + offset,
                              (uint32_t)drive->header.slab_end - offset);
  *chunk_end = offset;
  uint64_t used = offset - begin;
  socket->credit -= used < socket->credit ? used : socket->credit;
  socket->datagram_records++;
}
