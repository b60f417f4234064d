/* SPDX-License-Identifier: MIT */
#include "callback_table.h"

static struct list_node* callback_table__bucket(
    struct iocp_callbacks* callbacks, iocp_os_socket handle) {
  /* The low bits of a SOCKET are always zero. */
  uintptr_t hash = (uintptr_t)handle;
  return &callbacks->buckets[(hash ^ hash >> 2) % CALLBACKS_BUCKETS];
}

void callback_table_open(struct iocp_callbacks* callbacks) {
  for (uint32_t i = 0; i < CALLBACKS_BUCKETS; i++)
    list_open(&callbacks->buckets[i]);
}

void callback_table_add(struct iocp_callbacks* callbacks,
                        struct callback_socket* socket) {
  list_push(callback_table__bucket(callbacks, socket->borrow.handle),
            &socket->bucket_node);
}

struct callback_socket* callback_table_find(struct iocp_callbacks* callbacks,
                                            iocp_os_socket handle) {
  struct list_node* bucket = callback_table__bucket(callbacks, handle);
  for (struct list_node* node = bucket->next; node != bucket;
       node = node->next) {
    struct callback_socket* socket =
        LIST_ENTRY(node, struct callback_socket, bucket_node);
    if (socket->borrow.handle == handle) return socket;
  }
  return NULL;
}

void callback_table_remove(struct callback_socket* socket) {
  struct iocp_callbacks* callbacks = socket->thread->callbacks;
  monitor_enter(&callbacks->monitor);
  list_remove(&socket->bucket_node);
  socket->thread->socket_count--;
  monitor_leave(&callbacks->monitor);
  list_remove(&socket->node);
}
