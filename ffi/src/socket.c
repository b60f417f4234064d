/* SPDX-License-Identifier: MIT */
#include "socket.h"

#include "debug.h"
#include "memory.h"
#include "path.h"
#include "port.h"

#define SOCKET__INDEX_MASK (SOCKETS_MAX - 1)
#define SOCKET__GENERATION_MASK ((1 << SOCKET_GENERATION_BITS) - 1)

void socket_table_open(struct socket_table* table) { list_open(&table->free); }

void socket_table_close(struct socket_table* table) {
  for (uint32_t i = 0; i < table->slot_count; i += SOCKET_CHUNK)
    memory_unmap(table->chunks[i / SOCKET_CHUNK],
                 SOCKET_CHUNK * sizeof(struct socket));
}

static bool socket__grow(struct socket_table* table) {
  if (table->slot_count == SOCKETS_MAX) return false;
  struct socket* chunk = memory_map(SOCKET_CHUNK * sizeof(struct socket));
  if (chunk == NULL) return false;
  table->chunks[table->slot_count / SOCKET_CHUNK] = chunk;
  for (uint32_t i = 0; i < SOCKET_CHUNK; i++) {
    chunk[i].id = (int32_t)(table->slot_count + i);
    list_push(&table->free, &chunk[i].ready_node);
  }
  table->slot_count += SOCKET_CHUNK;
  table->free_count += SOCKET_CHUNK;
  return true;
}

struct socket* socket_new(struct port* port, enum socket_state state) {
  struct socket_table* table = &port->sockets;
  bool is_short = table->free_count <= SOCKETS_IDLE && table->slot_count != 0;
  /* Growing while slots are free only delays the reuse of ids, so a failure to
   * grow counts only when no slot is free. */
  if ((is_short || table->slot_count == 0) && !socket__grow(table) &&
      table->free_count == 0)
    return NULL;
  struct list_node* node = list_shift(&table->free);
  struct socket* socket = LIST_ENTRY(node, struct socket, ready_node);
  int32_t id = socket->id;
  memory_zero(socket, sizeof *socket);
  socket->id = id;
  socket->port = port;
  socket->state = (uint8_t)state;
  socket->receive_buffer = SOCKET_RECEIVE_BUFFER;
  socket->receive_depth = 1;
  socket->send_concurrency = 1;
  list_open(&socket->send_copies);
  table->free_count--;
  table->open_count++;
  return socket;
}

void socket_free(struct socket* socket) {
  struct socket_table* table = &socket->port->sockets;
  debug_check(socket->state != SOCKET_FREE);
  if (socket->group != 0) group_retire(socket);
  if (socket_is_local(socket)) path_release(socket);
  timers_disarm(&socket->port->timers, socket);
  if (socket->ready != 0) list_remove(&socket->ready_node);
  uint32_t index = (uint32_t)socket->id & SOCKET__INDEX_MASK;
  uint32_t generation = (uint32_t)socket->id >> SOCKET_INDEX_BITS;
  generation = (generation + 1) & SOCKET__GENERATION_MASK;
  socket->id = (int32_t)(generation << SOCKET_INDEX_BITS | index);
  socket->state = SOCKET_FREE;
  socket->ready = 0;
  list_push(&table->free, &socket->ready_node);
  table->free_count++;
  table->open_count--;
}

struct socket* socket_at(struct port* port, uint32_t index) {
  struct socket_table* table = &port->sockets;
  if (index >= table->slot_count) return NULL;
  return &table->chunks[index / SOCKET_CHUNK][index % SOCKET_CHUNK];
}

struct socket* socket_find(struct port* port, int32_t id) {
  if (id < 0) return NULL;
  struct socket* socket = socket_at(port, (uint32_t)id & SOCKET__INDEX_MASK);
  if (socket == NULL || socket->id != id) return NULL;
  return socket->state == SOCKET_FREE ? NULL : socket;
}

struct socket* socket_find_reported(struct port* port, int32_t id) {
  struct socket* socket = socket_find(port, id);
  return socket == NULL || socket->is_unreported ? NULL : socket;
}

void socket_ready(struct socket* socket, unsigned reasons) {
  struct port* port = socket->port;
  if (socket->ready == 0) {
    list_push(&port->ready, &socket->ready_node);
    atomic_store_explicit(&port->ready_hint, true, memory_order_relaxed);
  }
  socket->ready |= (uint16_t)reasons;
}

void socket_inherit(struct socket* socket, const struct socket* listener) {
  socket->receive_buffer = listener->receive_buffer;
  socket->receive_depth = listener->receive_depth;
  socket->send_concurrency = listener->send_concurrency;
  socket->group = listener->group;
}

void socket_undefer(struct socket* socket) {
  struct socket* listener = socket_find(socket->port, socket->listener_id);
  list_remove(&socket->deferred);
  listener->deferred_count--;
  socket_ready(listener, READY_ACCEPT);
}

void socket_count_received(struct socket* socket, uint32_t bytes) {
  socket->stats.bytes_received += bytes;
  socket->port->stats.bytes_received += bytes;
}

void socket_count_sent(struct socket* socket, uint32_t bytes) {
  socket->stats.bytes_sent += bytes;
  socket->port->stats.bytes_sent += bytes;
}

int32_t socket_fail(struct socket* socket, int32_t error, int32_t native) {
  /* The stream was connected, so ENOTCONN is how the system reports a reset
   * that it has reported before. */
  if (error == -IOCP_ENOTCONN) error = -IOCP_ECONNRESET;
  if (socket->error == 0) {
    socket->error = error;
    socket->error_native = native;
  }
  return socket->error;
}

int32_t socket_detail(const struct socket* socket, int32_t result) {
  bool is_canceled =
      result == -IOCP_ECANCELED && socket->state == SOCKET_CLOSING;
  return result < 0 && !is_canceled ? socket->detail : 0;
}
