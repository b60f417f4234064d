/* SPDX-License-Identifier: MIT */
#include "receive_list.h"

#include "memory.h"

void receive_list_open(struct socket* socket) {
  list_open(&socket->engine.receives);
}

struct engine_receive* receive_list_first(const struct socket* socket) {
  const struct list_node* list = &socket->engine.receives;
  if (list_is_empty(list)) return NULL;
  return LIST_ENTRY(list->next, struct engine_receive, node);
}

struct engine_receive* receive_list_add(struct socket* socket, uint32_t size) {
  struct engine_socket* engine = &socket->engine;
  struct engine_receive* receive = &engine->zero_byte;
  if (size != 0) receive = memory_alloc(sizeof *receive + size);
  if (receive == NULL) return NULL;
  *receive = (struct engine_receive){
      .socket = socket, .size = size, .bytes = (uint8_t*)(receive + 1)};
  list_push(&engine->receives, &receive->node);
  engine->receive_count++;
  engine->receive_bytes += size;
  socket->port->stats.bytes_posted += size;
  return receive;
}

uint32_t receive_list_left(const struct engine_receive* receive) {
  return receive->is_completed ? receive->length - receive->offset
                               : receive->size;
}

void receive_list_complete(struct engine_receive* receive, uint32_t bytes) {
  receive->socket->engine.receive_bytes -= receive->size - bytes;
  receive->is_completed = true;
  receive->length = bytes;
}

void receive_list_remove(struct engine_receive* receive) {
  struct socket* socket = receive->socket;
  struct engine_socket* engine = &socket->engine;
  list_remove(&receive->node);
  engine->receive_count--;
  engine->receive_bytes -= receive_list_left(receive);
  socket->port->stats.bytes_posted -= receive->size;
  if (receive->size != 0) memory_free(receive);
}

/* ---- data */

static uint32_t receive_list__copy(struct engine_receive* receive,
                                   uint8_t* buffer,
                                   uint32_t length) {
  uint32_t left = receive_list_left(receive);
  uint32_t count = left < length ? left : length;
  memory_copy(buffer, receive->bytes + receive->offset, count);
  receive->offset += count;
  receive->socket->engine.receive_bytes -= count;
  return count;
}

uint32_t receive_list_consume(struct socket* socket,
                              uint8_t* buffer,
                              uint32_t length,
                              bool* was_filled_out) {
  struct engine_receive* receive;
  uint32_t copied = 0;
  *was_filled_out = true;
  while (copied < length && (receive = receive_list_first(socket)) != NULL &&
         receive->is_completed) {
    copied += receive_list__copy(receive, buffer + copied, length - copied);
    if (receive_list_left(receive) != 0) break;
    *was_filled_out = receive->length == receive->size;
    receive_list_remove(receive);
  }
  return copied;
}

bool receive_list_preload(struct socket* socket,
                          const uint8_t* bytes,
                          uint32_t length) {
  struct engine_receive* receive = receive_list_add(socket, length);
  if (receive == NULL) return false;
  memory_copy(receive->bytes, bytes, length);
  receive_list_complete(receive, length);
  return true;
}

void receive_list_discard(struct socket* socket) {
  struct engine_receive* receive;
  /* A socket that was never on a port has no list. */
  if (!list_has(&socket->engine.receives)) return;
  while ((receive = receive_list_first(socket)) != NULL)
    receive_list_remove(receive);
}

/* ---- counters */

static uint32_t receive_list__bytes(const struct socket* socket,
                                    bool is_completed) {
  const struct list_node* list = &socket->engine.receives;
  uint32_t bytes = 0;
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct engine_receive* receive =
        LIST_ENTRY(node, struct engine_receive, node);
    if (receive->is_completed == is_completed)
      bytes += receive_list_left(receive);
  }
  return bytes;
}

uint32_t receive_list_posted(const struct socket* socket) {
  return receive_list__bytes(socket, false);
}

uint32_t receive_list_waiting(const struct socket* socket) {
  return receive_list__bytes(socket, true);
}
