/* SPDX-License-Identifier: MIT */
#include "datagram.h"

#include "datagram_memory.h"
#include "datagram_sender.h"
#include "engine.h"
#include "memory.h"
#include "path.h"

/* Calls of the engine in one visit before other sockets have their turn. Each
 * receives up to a batch. */
#define DATAGRAM__BUDGET 16

/* A received datagram that found no room in the slab: this happens after a
 * batch of datagrams that are much longer than those before. */
struct datagram__kept {
  struct list_node node;
  uint32_t size;
  uint8_t memory[];
};

static uint32_t datagram__min(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* ---- making and freeing */

/* Without a name, the socket has no path. */
static int32_t datagram__bind_path(struct socket* socket,
                                   const struct iocp_path* name,
                                   const struct path_access* access) {
  socket->family = IOCP_UNIX;
  if (name->length != 0 && !path_set(socket, name))
    return port_fail(socket->port, -IOCP_ENOMEM, 0);
  return engine_bind_path(socket, access);
}

int32_t datagram_open(struct port* port,
                      const struct iocp_address* address,
                      const struct iocp_path* name,
                      const struct path_access* access) {
  struct datagram* datagram = memory_alloc(sizeof *datagram);
  if (datagram == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  struct socket* socket = socket_new(port, SOCKET_DATAGRAM);
  if (socket == NULL) {
    memory_free(datagram);
    return port_fail(port, -IOCP_ENOMEM, 0);
  }
  memory_zero(datagram, sizeof *datagram);
  list_open(&datagram->kept);
  socket->is_datagram = true;
  socket->datagram = datagram;
  int32_t result = name == NULL ? engine_bind(socket, address, access->flags)
                                : datagram__bind_path(socket, name, access);
  if (result >= 0) return socket->id;
  datagram_free(socket);
  socket_free(socket);
  return result;
}

static void datagram__drop_kept(struct datagram* datagram) {
  struct list_node* node = list_shift(&datagram->kept);
  memory_free(LIST_ENTRY(node, struct datagram__kept, node));
}

void datagram_free(struct socket* socket) {
  struct datagram* datagram = socket->datagram;
  while (!list_is_empty(&datagram->kept)) datagram__drop_kept(datagram);
  memory_free(datagram);
  socket->datagram = NULL;
}

/* ---- what the engine has received */

/* Writes a datagram to memory that has room for it. */
static void datagram__write(uint8_t* to,
                            const struct iocp_datagram* header,
                            const void* path,
                            const void* data) {
  uint32_t path_length = datagram_path_length(header);
  memory_copy(to, header, DATAGRAM_HEADER);
  if (path_length != 0) memory_copy(to + DATAGRAM_HEADER, path, path_length);
  if (header->length != 0)
    memory_copy(to + datagram_data_offset(header), data, header->length);
}

static void datagram__count(struct datagram_room* room,
                            uint32_t footprint,
                            uint32_t length) {
  room->used += footprint;
  room->bytes += length;
  room->count++;
}

void datagram_put(struct socket* socket,
                  struct datagram_room* room,
                  const struct iocp_datagram* header,
                  const void* path,
                  const void* data) {
  struct datagram* datagram = socket->datagram;
  uint32_t footprint = datagram_footprint(header);
  /* Behind one that is kept, so that they stay in order. */
  if (list_is_empty(&datagram->kept) && footprint <= room->size - room->used) {
    datagram__write(room->memory + room->used, header, path, data);
    datagram__count(room, footprint, header->length);
    return;
  }
  struct datagram__kept* kept = memory_alloc(sizeof *kept + footprint);
  if (kept == NULL) {
    datagram->dropped++;
    return;
  }
  kept->size = footprint;
  datagram__write(kept->memory, header, path, data);
  list_push(&datagram->kept, &kept->node);
}

void datagram_failed_before(struct socket* socket,
                            int32_t error,
                            int32_t native) {
  struct datagram* datagram = socket->datagram;
  if (datagram->error == 0) {
    datagram->error = error;
    datagram->error_native = native;
  }
  socket_ready(socket, READY_RECEIVE);
}

/* ---- into the slab */

/* Moves what was kept. Returns false when not all of it fits. */
static bool datagram__move_kept(struct datagram* datagram,
                                struct datagram_room* room) {
  while (!list_is_empty(&datagram->kept)) {
    struct datagram__kept* kept =
        LIST_ENTRY(datagram->kept.next, struct datagram__kept, node);
    struct iocp_datagram header;
    if (kept->size > room->size - room->used) return false;
    memory_copy(&header, kept->memory, sizeof header);
    memory_copy(room->memory + room->used, kept->memory, kept->size);
    datagram__count(room, kept->size, header.length);
    datagram__drop_kept(datagram);
  }
  return true;
}

/* Fills the room. Returns an error, 0, or ENGINE_WOULD_BLOCK. */
static int32_t datagram__fill(struct socket* socket,
                              struct datagram_room* room,
                              uint32_t credit) {
  int32_t result = 0;
  for (int i = 0; i < DATAGRAM__BUDGET; i++) {
    if (room->used >= credit) return 0;
    room->credit = credit - room->used;
    result = engine_receive_datagrams(socket, room);
    if (result < 0 || !room->has_more) return result;
    if (!list_is_empty(&socket->datagram->kept)) return 0;
  }
  return 0;
}

static void datagram__push(struct socket* socket,
                           struct batch* batch,
                           const struct datagram_room* room) {
  batch_push(batch,
             socket,
             IOCP_DATAGRAMS,
             (int32_t)room->count,
             (int32_t)batch->offset);
  batch->offset += room->used;
  socket->credit -= datagram__min(room->used, socket->credit);
  socket->datagram->received += room->count;
  socket_count_received(socket, room->bytes);
}

static bool datagram__push_error(struct socket* socket, struct batch* batch) {
  struct datagram* datagram = socket->datagram;
  batch_push(
      batch, socket, IOCP_DATAGRAMS, datagram->error, datagram->error_native);
  datagram->error = 0;
  return true;
}

bool datagram_deliver(struct socket* socket, struct batch* batch) {
  struct datagram* datagram = socket->datagram;
  if (socket->read_armed) {
    socket->read_armed = false;
    batch_push(batch, socket, IOCP_READABLE, 0, 0);
    return false;
  }
  if (socket->credit == 0) return false;
  if (datagram->error != 0) return datagram__push_error(socket, batch);
  struct datagram_room room = {.size = batch->length - batch->offset};
  bool is_short = room.size < IOCP_SLAB_MIN;
  int32_t result = 0;
  if (!is_short) {
    /* Without room there may be no slab at all. */
    room.memory = batch->slab + batch->offset;
    is_short = !datagram__move_kept(datagram, &room);
    if (!is_short) result = datagram__fill(socket, &room, socket->credit);
  }
  if (room.count != 0) datagram__push(socket, batch, &room);
  if (is_short || room.is_full || !list_is_empty(&datagram->kept)) {
    batch->header->flags |= IOCP_SLAB_FULL;
    return true;
  }
  if (result < 0 && result != ENGINE_WOULD_BLOCK) {
    datagram_failed_before(socket, result, socket->port->native_error);
    return true;
  }
  if (socket->credit == 0) return false;
  engine_arm_datagrams(socket);
  return room.has_more;
}

/* ---- into a buffer of the caller */

/* The oldest one that was kept. Returns its bytes. */
static int32_t datagram__take_kept(struct datagram* datagram,
                                   void* buffer,
                                   uint32_t length,
                                   struct iocp_datagram* header_out,
                                   uint8_t* path_out) {
  struct datagram__kept* kept =
      LIST_ENTRY(datagram->kept.next, struct datagram__kept, node);
  memory_copy(header_out, kept->memory, sizeof *header_out);
  memory_copy(path_out,
              kept->memory + DATAGRAM_HEADER,
              datagram_path_length(header_out));
  const uint8_t* data = kept->memory + datagram_data_offset(header_out);
  if (header_out->length > length) header_out->length = length;
  memory_copy(buffer, data, header_out->length);
  datagram__drop_kept(datagram);
  return (int32_t)header_out->length;
}

int32_t datagram_receive_from(struct socket* socket,
                              void* buffer,
                              uint32_t length,
                              void* datagram_out) {
  struct port* port = socket->port;
  struct datagram* datagram = socket->datagram;
  struct iocp_datagram header = {.length = 0};
  uint8_t path[IOCP_DATAGRAM_PATH_MAX] = {0};
  if (socket->credit != 0 || socket->read_armed)
    return port_fail(port, -IOCP_EBUSY, 0);
  if (datagram->error != 0) {
    int32_t error = datagram->error;
    datagram->error = 0;
    return port_fail(port, error, datagram->error_native);
  }
  int32_t result = 0;
  if (list_is_empty(&datagram->kept))
    result = engine_receive_from(socket, buffer, length, &header, path);
  if (!list_is_empty(&datagram->kept))
    result = datagram__take_kept(datagram, buffer, length, &header, path);
  if (result == ENGINE_WOULD_BLOCK) {
    socket->read_armed = true;
    engine_arm_datagrams(socket);
    return IOCP_PENDING;
  }
  if (result < 0) return result;
  memory_copy(datagram_out, &header, sizeof header);
  memory_copy((uint8_t*)datagram_out + sizeof header, path, sizeof path);
  datagram->received++;
  socket_count_received(socket, (uint32_t)result);
  return result;
}
