/* SPDX-License-Identifier: MIT */
#include "datagram_sender.h"

#include "datagram.h"
#include "datagram_memory.h"
#include "engine.h"
#include "memory.h"
#include "progress.h"
#include "send_copy.h"
#include "system.h"

/* Delays before copies are sent again that no event of the system would
 * announce. */
#define DATAGRAM_SENDER__RETRY_MIN_MS 1
#define DATAGRAM_SENDER__RETRY_MAX_MS 50

static void datagram_sender__count(struct socket* socket,
                                   uint32_t count,
                                   uint32_t bytes) {
  socket->datagram->sent += count;
  socket_count_sent(socket, bytes);
}

/* ---- copies */

/* Linux does not report to an unconnected unix socket when it may send again
 * (unix_dgram_poll()). What reports it instead may be missing, when descriptors
 * are short (linux/datagram_room.c). */
static void datagram_sender__expect_room(struct socket* socket) {
  struct datagram* datagram = socket->datagram;
  if (socket->family != IOCP_UNIX || send_copy_first(socket) == NULL) return;
  datagram->retry_ms *= 2;
  if (datagram->retry_ms == 0)
    datagram->retry_ms = DATAGRAM_SENDER__RETRY_MIN_MS;
  if (datagram->retry_ms > DATAGRAM_SENDER__RETRY_MAX_MS)
    datagram->retry_ms = DATAGRAM_SENDER__RETRY_MAX_MS;
  /* The timer of a close has a shorter interval already, see progress.c. */
  if (socket->state == SOCKET_CLOSING) return;
  timers_arm(
      &socket->port->timers, socket, system_now_ms(), datagram->retry_ms);
}

void datagram_timed_out(struct socket* socket) {
  engine_send_copies(socket);
  datagram_sender__expect_room(socket);
}

static void datagram_sender__queue(struct socket* socket) {
  socket->datagram->retry_ms = 0;
  engine_send_copies(socket);
  datagram_sender__expect_room(socket);
}

const uint8_t* datagram_copy_rest(const struct send_copy* copy,
                                  uint32_t* length_out) {
  *length_out = copy->length - copy->offset;
  return copy->bytes + copy->offset;
}

/* `memory` bytes more are settled. */
static void datagram_sender__advance(struct send_copy* copy, uint32_t memory) {
  struct socket* socket = copy->socket;
  copy->offset += memory;
  if (socket->close_phase == CLOSE_DRAINING) progress_expect(socket);
  if (copy->offset < copy->length) return;
  send_copy_finish(copy, copy->result);
  if (send_copy_first(socket) == NULL && socket->state == SOCKET_CLOSING)
    socket_ready(socket, READY_CLOSE);
}

void datagram_copy_sent(struct send_copy* copy,
                        uint32_t count,
                        uint32_t memory,
                        uint32_t bytes) {
  datagram_sender__count(copy->socket, count, bytes);
  if (copy->result >= 0) copy->result += (int32_t)count;
  datagram_sender__advance(copy, memory);
}

void datagram_copy_failed(struct send_copy* copy,
                          int32_t error,
                          int32_t native) {
  struct iocp_datagram header;
  memory_copy(&header, copy->bytes + copy->offset, sizeof header);
  if (copy->result >= 0) {
    copy->result = error;
    copy->native = native;
  }
  datagram_sender__advance(copy, datagram_footprint(&header));
}

/* ---- calls */

/* Each copy has one terminal completion, so unreported ones count as well. */
static bool datagram_sender__is_busy(const struct socket* socket) {
  return socket->send_copy_count >= socket->send_concurrency;
}

static int32_t datagram_sender__copy_one(struct socket* socket,
                                         const struct iocp_datagram* header,
                                         const void* path,
                                         const void* data) {
  struct send_copy* copy =
      send_copy_reserve(socket, datagram_footprint(header));
  if (copy == NULL) return port_fail(socket->port, -IOCP_ENOMEM, 0);
  uint32_t path_length = datagram_path_length(header);
  memory_copy(copy->bytes, header, DATAGRAM_HEADER);
  if (path_length != 0)
    memory_copy(copy->bytes + DATAGRAM_HEADER, path, path_length);
  if (header->length != 0)
    memory_copy(
        copy->bytes + datagram_data_offset(header), data, header->length);
  datagram_sender__queue(socket);
  return (int32_t)header->length | IOCP_PENDING;
}

int32_t datagram_send_to(struct socket* socket,
                         const struct iocp_datagram* header,
                         const void* path,
                         const void* data) {
  if (datagram_sender__is_busy(socket))
    return port_fail(socket->port, -IOCP_EBUSY, 0);
  int32_t result = ENGINE_WOULD_BLOCK;
  if (send_copy_first(socket) == NULL)
    result = engine_send_to(socket, header, path, data);
  if (result == ENGINE_WOULD_BLOCK)
    return datagram_sender__copy_one(socket, header, path, data);
  if (result < 0) return result;
  datagram_sender__count(socket, 1, header->length);
  return (int32_t)header->length;
}

/* How many datagrams fit into a copy, at least one; `size_out` gets the bytes
 * of their memory. */
static uint32_t datagram_sender__fitting(const struct datagram_sending* sending,
                                         uint32_t* size_out) {
  struct iocp_datagram header;
  uint32_t size = 0;
  uint32_t count = 0;
  while (size < sending->length) {
    memory_copy(&header, sending->memory + size, sizeof header);
    uint32_t footprint = datagram_footprint(&header);
    if (count != 0 && size + footprint > IOCP_SEND_MAX) break;
    size += footprint;
    count++;
  }
  *size_out = size;
  return count;
}

static int32_t datagram_sender__copy_many(
    struct socket* socket,
    const struct datagram_sending* sending,
    uint32_t sent) {
  uint32_t size;
  uint32_t copied = datagram_sender__fitting(sending, &size);
  if (send_copy_new(socket, sending->memory, size) == NULL)
    return sent != 0 ? (int32_t)sent : port_fail(socket->port, -IOCP_ENOMEM, 0);
  datagram_sender__queue(socket);
  return (int32_t)(sent + copied) | IOCP_PENDING;
}

/* Returns the size of `count` datagrams, or 0 when the memory does not have
 * them. */
static uint32_t datagram_sender__measure(const uint8_t* memory,
                                         uint32_t length,
                                         uint32_t count) {
  struct iocp_datagram header;
  uint32_t size = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (length - size < DATAGRAM_HEADER) return 0;
    memory_copy(&header, memory + size, sizeof header);
    if (datagram_path_length(&header) > IOCP_DATAGRAM_PATH_MAX ||
        header.length > IOCP_SEND_MAX ||
        datagram_footprint(&header) > length - size)
      return 0;
    size += datagram_footprint(&header);
  }
  return size;
}

int32_t datagram_send_many(struct socket* socket,
                           const uint8_t* memory,
                           uint32_t length,
                           uint32_t count) {
  struct port* port = socket->port;
  struct datagram_sending sending = {
      .memory = memory,
      .length = datagram_sender__measure(memory, length, count)};
  if (sending.length == 0) return port_fail(port, -IOCP_EINVAL, 0);
  if (datagram_sender__is_busy(socket)) return port_fail(port, -IOCP_EBUSY, 0);
  uint32_t sent = 0;
  int32_t result = 0;
  if (send_copy_first(socket) != NULL) result = ENGINE_WOULD_BLOCK;
  while (result >= 0 && sending.length != 0) {
    result = engine_send_datagrams(socket, &sending);
    if (result < 0) break;
    datagram_sender__count(socket, (uint32_t)result, sending.bytes);
    sent += (uint32_t)result;
  }
  if (result == ENGINE_WOULD_BLOCK)
    return datagram_sender__copy_many(socket, &sending, sent);
  return result < 0 && sent == 0 ? result : (int32_t)sent;
}
