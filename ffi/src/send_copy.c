/* SPDX-License-Identifier: MIT */
#include "send_copy.h"

#include "memory.h"
#include "port.h"

static struct send_copy* send_copy__of(struct list_node* node) {
  return LIST_ENTRY(node, struct send_copy, node);
}

static struct send_copy* send_copy__add(struct socket* socket,
                                        uint32_t length,
                                        uint32_t room) {
  struct send_copy* copy = memory_alloc(sizeof *copy + room);
  if (copy == NULL) return NULL;
  memory_zero(copy, sizeof *copy);
  copy->socket = socket;
  copy->length = length;
  list_push(&socket->send_copies, &copy->node);
  socket->send_copy_count++;
  socket->send_copy_bytes += length;
  socket->port->stats.bytes_unsent += length;
  return copy;
}

struct send_copy* send_copy_reserve(struct socket* socket, uint32_t length) {
  return send_copy__add(socket, length, length);
}

struct send_copy* send_copy_of_file(struct socket* socket,
                                    struct file* file,
                                    uint64_t offset,
                                    uint32_t length) {
  struct send_copy* copy = send_copy__add(socket, length, 0);
  if (copy == NULL) return NULL;
  copy->file = file;
  copy->file_offset = offset;
  file_retain(file);
  return copy;
}

struct send_copy* send_copy_new(struct socket* socket,
                                const uint8_t* bytes,
                                uint32_t length) {
  struct send_copy* copy = send_copy_reserve(socket, length);
  if (copy != NULL) memory_copy(copy->bytes, bytes, length);
  return copy;
}

/* The finished ones come first, so this skips few. */
struct send_copy* send_copy_first(const struct socket* socket) {
  const struct list_node* list = &socket->send_copies;
  struct list_node* node = list->next;
  while (node != list && send_copy__of(node)->is_done) node = node->next;
  return node == list ? NULL : send_copy__of(node);
}

struct send_copy* send_copy_next(const struct send_copy* copy) {
  struct list_node* node = copy->node.next;
  return node == &copy->socket->send_copies ? NULL : send_copy__of(node);
}

static void send_copy__uncount(const struct send_copy* copy) {
  copy->socket->send_copy_bytes -= copy->length;
  copy->socket->port->stats.bytes_unsent -= copy->length;
}

void send_copy_withdraw(struct send_copy* copy) {
  send_copy__uncount(copy);
  send_copy_free(copy);
}

void send_copy_finish(struct send_copy* copy, int32_t result) {
  struct socket* socket = copy->socket;
  copy->is_done = true;
  copy->result = result;
  send_copy__uncount(copy);
  socket_ready(socket, READY_SENT);
}

struct send_copy* send_copy_finished(const struct socket* socket) {
  if (list_is_empty(&socket->send_copies)) return NULL;
  struct send_copy* copy = send_copy__of(socket->send_copies.next);
  return copy->is_done ? copy : NULL;
}

void send_copy_free(struct send_copy* copy) {
  list_remove(&copy->node);
  copy->socket->send_copy_count--;
  if (copy->file != NULL) file_release(copy->file);
  memory_free(copy);
}

void send_copy_free_all(struct socket* socket) {
  while (!list_is_empty(&socket->send_copies))
    send_copy_free(send_copy__of(socket->send_copies.next));
}
