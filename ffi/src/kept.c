/* SPDX-License-Identifier: MIT */
#include "kept.h"

#include "memory.h"
#include "port.h"

static struct kept* kept__of(struct list_node* node) {
  return LIST_ENTRY(node, struct kept, node);
}

struct kept* kept_new(struct socket* socket,
                      const uint8_t* bytes,
                      uint32_t length) {
  struct kept* kept = memory_alloc(sizeof *kept + length);
  if (kept == NULL) return NULL;
  memory_zero(kept, sizeof *kept);
  kept->socket = socket;
  kept->length = length;
  memory_copy(kept->bytes, bytes, length);
  list_push(&socket->kept, &kept->node);
  socket->kept_count++;
  socket->kept_bytes += length;
  socket->port->stats.bytes_kept += length;
  return kept;
}

/* Those that are done come first, so this passes over few. */
struct kept* kept_first(const struct socket* socket) {
  struct list_node* node = socket->kept.next;
  while (node != &socket->kept && kept__of(node)->is_done) node = node->next;
  return node == &socket->kept ? NULL : kept__of(node);
}

struct kept* kept_next(const struct kept* kept) {
  struct list_node* node = kept->node.next;
  return node == &kept->socket->kept ? NULL : kept__of(node);
}

void kept_done(struct kept* kept, int32_t result) {
  struct socket* socket = kept->socket;
  kept->is_done = true;
  kept->result = result;
  socket->kept_bytes -= kept->length;
  socket->port->stats.bytes_kept -= kept->length;
  socket_ready(socket, READY_SENT);
}

struct kept* kept_told(const struct socket* socket) {
  if (list_is_empty(&socket->kept)) return NULL;
  struct kept* kept = kept__of(socket->kept.next);
  return kept->is_done ? kept : NULL;
}

void kept_free(struct kept* kept) {
  list_remove(&kept->node);
  kept->socket->kept_count--;
  memory_free(kept);
}

void kept_free_all(struct socket* socket) {
  while (!list_is_empty(&socket->kept)) kept_free(kept__of(socket->kept.next));
}
