/* SPDX-License-Identifier: MIT */
#include "callbacks.h"

#include "callback_table.h"
#include "callback_thread.h"
#include "memory.h"
#include "system.h"

/* ---- adding */

/* The thread that will serve the handle: that of an older socket with the same
 * handle, or else the one with the fewest sockets. */
static struct callback_thread* callbacks__choose_thread(
    struct iocp_callbacks* callbacks, iocp_os_socket handle) {
  struct callback_socket* older = callback_table_find(callbacks, handle);
  if (older != NULL) return older->thread;
  struct callback_thread* best = callbacks->threads[0];
  for (uint32_t i = 1; i < callbacks->thread_count; i++)
    if (callbacks->threads[i]->socket_count < best->socket_count)
      best = callbacks->threads[i];
  return best;
}

/* With the monitor locked. Returns the thread to wake, or NULL and the error.
 */
static struct callback_thread* callbacks__enter(
    struct iocp_callbacks* callbacks,
    struct callback_socket* socket,
    int32_t* error) {
  *error = -IOCP_EBADF;
  if (callbacks->is_ending) return NULL;
  iocp_os_socket handle = socket->borrow.handle;
  struct callback_thread* thread = callbacks__choose_thread(callbacks, handle);
  *error = engine_borrow(&socket->borrow, thread->port, socket->is_listener);
  if (*error < 0) return NULL;
  socket->thread = thread;
  thread->socket_count++;
  callback_table_add(callbacks, socket);
  list_push(&thread->inbox, &socket->node);
  return thread;
}

static int32_t callbacks__add(struct iocp_callbacks* callbacks,
                              const struct callback_socket* wanted) {
  if (callbacks == NULL || wanted->callback == NULL) return -IOCP_EFAULT;
  struct callback_socket* socket = memory_alloc(sizeof *socket);
  if (socket == NULL) return -IOCP_ENOMEM;
  *socket = *wanted;
  socket->id = -1;
  int32_t error;
  monitor_enter(&callbacks->monitor);
  struct callback_thread* thread = callbacks__enter(callbacks, socket, &error);
  /* Once the monitor is unlocked the socket may be freed, but not the thread:
   * only iocp_callbacks_delete() ends it, which must not be called during this
   * call. */
  bool is_first = thread != NULL && !atomic_exchange(&thread->inbox_hint, true);
  monitor_leave(&callbacks->monitor);
  if (thread == NULL) {
    memory_free(socket);
    return error;
  }
  if (is_first) iocp_wake(thread->port_id);
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
  if (thread->port_id >= 0) {
    callbacks->threads[callbacks->thread_count++] = thread;
    return 0;
  }
  int32_t error = thread->port_id;
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
  /* Each thread deletes its own port, whose id is not reused for long. */
  for (uint32_t i = 0; i < callbacks->thread_count; i++)
    iocp_wake(callbacks->threads[i]->port_id);
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
  callback_table_open(callbacks);
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
