/* SPDX-License-Identifier: MIT */
/* Compares the records of a poll with the model. */
#include <fcntl.h>
#include <string.h>

#include "fuzz.h"
#include "model.h"

static void records__accepted(struct model_socket* listener, int32_t result) {
  FUZZ_CHECK(listener->is_listener);
  if (result < 0) {
    model_check(result, 0);
    return;
  }
  FUZZ_CHECK(!listener->hands_out);
  /* After a close of the listener, no connection is reported. */
  FUZZ_CHECK(!listener->is_closing);
  struct model_socket* socket = model_add_socket(listener->port, result);
  socket->may_time_out = listener->may_time_out;
  socket->is_local = listener->is_local;
}

static void records__connected(struct model_socket* socket, int32_t result) {
  FUZZ_CHECK(socket->connect_pending);
  socket->connect_pending = false;
  socket->has_failed = result < 0;
  FUZZ_CHECK(result <= 0);
}

/* Returns the lowest offset at which the next chunk may begin. */
static uint32_t records__received(struct model_socket* socket,
                                  const struct iocp_record* record,
                                  uint32_t offset,
                                  const struct iocp_header* header) {
  FUZZ_CHECK(!socket->is_listener && !socket->connect_pending);
  if (record->result <= 0) {
    FUZZ_CHECK(socket->credit != 0 && !socket->has_ended);
    socket->credit = 0;
    socket->has_ended = true;
    return offset;
  }
  uint32_t length = (uint32_t)record->result;
  FUZZ_CHECK(length <= IOCP_RECEIVE_MAX);
  FUZZ_CHECK(record->detail >= 0 && (uint32_t)record->detail >= offset);
  FUZZ_CHECK((uint32_t)record->detail + length <= (uint32_t)header->slab_end);
  if (!socket->is_detaching) {
    FUZZ_CHECK(!socket->has_ended && length <= socket->credit);
    socket->credit -= length;
  }
  return (uint32_t)record->detail + length;
}

/* Datagrams that follow each other in the slab. The credit may be exceeded by
 * a batch. */
static uint32_t records__datagrams(struct model_socket* socket,
                                   const struct iocp_record* record,
                                   const uint8_t* slab,
                                   uint32_t offset,
                                   const struct iocp_header* header) {
  FUZZ_CHECK(socket->is_datagram && socket->credit != 0);
  FUZZ_CHECK(record->result != 0);
  if (record->result < 0) {
    FUZZ_CHECK(socket->is_closing || record->result != -IOCP_ECANCELED);
    if (socket->is_closing) socket->credit = 0;
    return offset;
  }
  FUZZ_CHECK(!socket->is_closing);
  FUZZ_CHECK(record->detail >= 0 && (uint32_t)record->detail >= offset);
  uint32_t at = (uint32_t)record->detail;
  for (int32_t i = 0; i < record->result; i++) {
    struct iocp_datagram datagram;
    FUZZ_CHECK(at + sizeof datagram <= (uint32_t)header->slab_end);
    memcpy(&datagram, slab + at, sizeof datagram);
    FUZZ_CHECK(datagram.length <= IOCP_DATAGRAM_MAX);
    FUZZ_CHECK(datagram.size >= datagram.length);
    at += (uint32_t)sizeof datagram;
    if (datagram.from.family == IOCP_UNIX)
      at += (datagram.from.port + 7u) & ~7u;
    at += (datagram.length + 7) & ~7u;
  }
  FUZZ_CHECK(at <= (uint32_t)header->slab_end);
  uint32_t used = at - (uint32_t)record->detail;
  socket->credit -= used < socket->credit ? used : socket->credit;
  return at;
}

static void records__detached(struct model_socket* socket, int32_t detail) {
  /* If a reset came before the end of the detach, there is no handle. */
  if (socket->was_reset && detail == 0) return;
  FUZZ_CHECK(detail > 0 && fcntl(detail, F_GETFD) >= 0);
  model_add_handle(detail);
}

static void records__closed(struct model_socket* socket,
                            const struct iocp_record* record) {
  FUZZ_CHECK(socket->is_closing ||
             (socket->may_time_out && record->result == -IOCP_ETIMEDOUT) ||
             (socket->is_part && record->result == 0));
  FUZZ_CHECK(record->result <= 0);
  /* All pending operations have completed first. */
  FUZZ_CHECK(!socket->connect_pending && !socket->read_pending);
  FUZZ_CHECK(!socket->shut_pending && socket->sends == 0);
  FUZZ_IS(socket->credit, 0);
  if (socket->is_detaching && record->result == 0)
    records__detached(socket, record->detail);
}

static void records__other(struct model_socket* socket,
                           const struct iocp_record* record) {
  switch (record->kind) {
    case IOCP_READABLE:
      FUZZ_CHECK(socket->read_pending && record->result <= 0);
      socket->read_pending = false;
      break;
    case IOCP_SENT:
      FUZZ_CHECK(socket->sends != 0);
      FUZZ_CHECK(record->result != 0 && record->result <= IOCP_SEND_MAX);
      socket->sends--;
      break;
    case IOCP_SHUT:
      FUZZ_CHECK(socket->shut_pending && record->result <= 0);
      socket->shut_pending = false;
      break;
    default:
      FUZZ_CHECK(!"the kind is one of iocp.h");
  }
}

static uint32_t records__one(struct model_port* port,
                             const struct iocp_record* record,
                             const uint8_t* slab,
                             uint32_t offset,
                             const struct iocp_header* header) {
  struct model_socket* socket = model_socket(port->id, record->socket);
  FUZZ_CHECK(socket != NULL);
  fuzz_reached(
      64 + (uint32_t)record->kind, model_state(socket), record->result);
  /* Any error must be one of the library's. */
  if (record->result < 0) model_check(record->result, 0);
  switch (record->kind) {
    case IOCP_ACCEPTED:
      records__accepted(socket, record->result);
      break;
    case IOCP_CONNECTED:
      records__connected(socket, record->result);
      break;
    case IOCP_RECEIVED:
      offset = records__received(socket, record, offset, header);
      break;
    case IOCP_DATAGRAMS:
      offset = records__datagrams(socket, record, slab, offset, header);
      break;
    case IOCP_CLOSED:
      records__closed(socket, record);
      model_void_socket(socket);
      break;
    default:
      records__other(socket, record);
  }
  return offset;
}

void model_apply_records(struct model_port* port,
                         const void* events,
                         int32_t count,
                         const uint8_t* slab,
                         uint32_t offset,
                         uint32_t length) {
  const struct iocp_header* header = events;
  const struct iocp_record* records = (const struct iocp_record*)(header + 1);
  FUZZ_CHECK((uint32_t)header->slab_end >= offset);
  FUZZ_CHECK((uint32_t)header->slab_end <= length);
  FUZZ_CHECK((header->flags & ~(IOCP_MORE | IOCP_SLAB_FULL)) == 0);
  FUZZ_CHECK(header->timeout_ms >= -1);
  for (int32_t i = 0; i < count; i++)
    offset = records__one(port, &records[i], slab, offset, header);
  FUZZ_CHECK(offset <= (uint32_t)header->slab_end);
  FUZZ_CHECK(header->sockets >= 0);
  FUZZ_CHECK(port->may_defer ? (uint32_t)header->sockets >= port->socket_count
                             : (uint32_t)header->sockets == port->socket_count);
  port->polls++;
  port->records += (uint32_t)count;
}
