/* SPDX-License-Identifier: MIT */
#include "callbacks.h"

#include "memory.h"
#include "system.h"

/* ---- the sockets by handle */

static struct list_node* callbacks__bucket(struct iocp_callbacks* callbacks,
                                           iocp_os_socket handle) {
  /* The low bits of a SOCKET are always zero. */
  uintptr_t hash = (uintptr_t)handle;
  return &callbacks->buckets[(hash ^ hash >> 2) % CALLBACKS_BUCKETS];
}

struct callback_socket* callbacks_find(struct iocp_callbacks* callbacks,
                                       iocp_os_socket handle) {
  struct list_node* bucket = callbacks__bucket(callbacks, handle);
  for (struct list_node* node = bucket->next; node != bucket;
       node = node->next) {
    struct callback_socket* socket =
        LIST_ENTRY(node, struct callback_socket, bucket_node);
    if (socket->borrow.handle == handle) return socket;
  }
  return NULL;
}

void callbacks_remove(struct callback_socket* socket) {
  struct iocp_callbacks* callbacks = socket->thread->callbacks;
  monitor_enter(&callbacks->monitor);
  list_remove(&socket->bucket_node);
  socket->thread->socket_count--;
  monitor_leave(&callbacks->monitor);
  list_remove(&socket->node);
}

/* ---- adding */

/* The thread that is to serve the handle. */
static struct callback_thread* callbacks__deal(struct iocp_callbacks* callbacks,
                                               iocp_os_socket handle) {
  struct callback_socket* older = callbacks_find(callbacks, handle);
  if (older != NULL) return older->thread;
  struct callback_thread* best = callbacks->threads[0];
  for (uint32_t i = 1; i < callbacks->thread_count; i++)
    if (callbacks->threads[i]->socket_count < best->socket_count)
      best = callbacks->threads[i];
  return best;
}

/* In the monitor. Returns the thread that is to be woken, or NULL and why. */
static struct callback_thread* callbacks__enter(
    struct iocp_callbacks* callbacks,
    struct callback_socket* socket,
    int32_t* error) {
  *error = -IOCP_EBADF;
  if (callbacks->is_ending) return NULL;
  iocp_os_socket handle = socket->borrow.handle;
  struct callback_thread* thread = callbacks__deal(callbacks, handle);
  *error = engine_borrow(&socket->borrow, thread->port, socket->is_listener);
  if (*error < 0) return NULL;
  socket->thread = thread;
  thread->socket_count++;
  list_push(callbacks__bucket(callbacks, handle), &socket->bucket_node);
  list_push(&thread->inbox, &socket->node);
  return thread;
}

static int32_t callbacks__add(struct iocp_callbacks* callbacks,
                              const struct callback_socket* wanted) {
  if (callbacks == NULL || wanted->callback == NULL) return -IOCP_EFAULT;
  struct callback_socket* socket = memory_alloc(sizeof *socket);
  if (socket == NULL) return -IOCP_ENOMEM;
  *socket = *wanted;
  socket->name = -1;
  int32_t error;
  monitor_enter(&callbacks->monitor);
  struct callback_thread* thread = callbacks__enter(callbacks, socket, &error);
  /* Once it has left the monitor, the socket may be gone already, but not the
   * thread: only a delete ends it, and none may be called meanwhile. */
  bool is_first = thread != NULL && !atomic_exchange(&thread->inbox_hint, true);
  monitor_leave(&callbacks->monitor);
  if (thread == NULL) {
    memory_free(socket);
    return error;
  }
  if (is_first) iocp_wake(thread->name);
  return 0;
}

int32_t iocp_callbacks_add_socket(struct iocp_callbacks* callbacks,
                                  iocp_os_socket socket,
                                  void* user_state,
                                  size_t read_buffer_size,
                                  iocp_callback* callback) {
  if (read_buffer_size == 0) return -IOCP_EINVAL;
  struct callback_socket wanted = {
      .callback = callback,
      .user_state = user_state,
      .borrow = {.handle = socket,
                 .receive_max = read_buffer_size < IOCP_RECEIVE_MAX
                                    ? (uint32_t)read_buffer_size
                                    : IOCP_RECEIVE_MAX}};
  return callbacks__add(callbacks, &wanted);
}

int32_t iocp_callbacks_add_listener(struct iocp_callbacks* callbacks,
                                    iocp_os_socket socket,
                                    void* user_state,
                                    iocp_callback* callback) {
  struct callback_socket wanted = {.callback = callback,
                                   .user_state = user_state,
                                   .is_listener = true,
                                   .borrow = {.handle = socket}};
  return callbacks__add(callbacks, &wanted);
}

/* ---- the threads */

/* Returns 0 or -IOCP_E... */
static int32_t callbacks__start_thread(struct iocp_callbacks* callbacks) {
  struct callback_thread* thread = memory_map(sizeof *thread);
  if (thread == NULL) return -IOCP_ENOMEM;
  thread->callbacks = callbacks;
  list_open(&thread->inbox);
  list_open(&thread->sockets);
  if (!thread_start(&thread->thread, callback_thread_main, thread)) {
    memory_unmap(thread, sizeof *thread);
    return -IOCP_ENOMEM;
  }
  monitor_enter(&callbacks->monitor);
  while (!thread->is_started) monitor_wait(&callbacks->monitor);
  monitor_leave(&callbacks->monitor);
  if (thread->name >= 0) {
    callbacks->threads[callbacks->thread_count++] = thread;
    return 0;
  }
  int32_t error = thread->name;
  thread_join(&thread->thread);
  memory_unmap(thread, sizeof *thread);
  return error;
}

/* Ends the threads and frees everything. */
static void callbacks__end(struct iocp_callbacks* callbacks) {
  monitor_enter(&callbacks->monitor);
  callbacks->is_ending = true;
  for (uint32_t i = 0; i < callbacks->thread_count; i++)
    atomic_store(&callbacks->threads[i]->inbox_hint, true);
  monitor_leave(&callbacks->monitor);
  /* Each deletes its own port, and the name stays void for long. */
  for (uint32_t i = 0; i < callbacks->thread_count; i++)
    iocp_wake(callbacks->threads[i]->name);
  for (uint32_t i = 0; i < callbacks->thread_count; i++)
    thread_join(&callbacks->threads[i]->thread);
  for (uint32_t i = 0; i < callbacks->thread_count; i++)
    memory_unmap(callbacks->threads[i], sizeof *callbacks->threads[i]);
  monitor_close(&callbacks->monitor);
  memory_unmap(callbacks, sizeof *callbacks);
}

int32_t iocp_callbacks_new(uint32_t threads,
                           struct iocp_callbacks** callbacks_out) {
  if (callbacks_out == NULL) return -IOCP_EFAULT;
  *callbacks_out = NULL;
  if (threads > IOCP_CALLBACKS_THREADS_MAX) return -IOCP_EINVAL;
  if (threads == 0) threads = thread_processors();
  if (threads > IOCP_CALLBACKS_THREADS_MAX)
    threads = IOCP_CALLBACKS_THREADS_MAX;
  struct iocp_callbacks* callbacks = memory_map(sizeof *callbacks);
  if (callbacks == NULL) return -IOCP_ENOMEM;
  monitor_open(&callbacks->monitor);
  for (uint32_t i = 0; i < CALLBACKS_BUCKETS; i++)
    list_open(&callbacks->buckets[i]);
  for (uint32_t i = 0; i < threads; i++) {
    int32_t error = callbacks__start_thread(callbacks);
    if (error == 0) continue;
    callbacks__end(callbacks);
    return error;
  }
  *callbacks_out = callbacks;
  return 0;
}

int32_t iocp_callbacks_delete(struct iocp_callbacks* callbacks) {
  if (callbacks == NULL) return -IOCP_EFAULT;
  /* A thread cannot wait for its own end. */
  for (uint32_t i = 0; i < callbacks->thread_count; i++)
    if (atomic_load(&callbacks->threads[i]->id) == system_thread())
      return -IOCP_EBUSY;
  callbacks__end(callbacks);
  return 0;
}
