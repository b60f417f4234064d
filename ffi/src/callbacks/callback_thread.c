/* SPDX-License-Identifier: MIT */
/* One completion thread: its port, its sockets, and their callbacks. */
#include "callback_thread.h"

#include "callback_table.h"
#include "debug.h"
#include "engine.h"
#include "memory.h"
#include "port_table.h"
#include "system.h"

/* How often to look for handles that the caller has closed. */
#define CALLBACK__SWEEP_MS 1000
/* Received bytes are consumed before the next poll, so a stream always has
 * credit, which is added in large steps. */
#define CALLBACK__CREDIT (1u << 30)
/* Accepts posted at a time on Windows. */
#define CALLBACK__ACCEPTS 32

/* ---- callbacks */

static void callback__call(const struct callback_socket* socket,
                           int event_type,
                           void* read_buffer,
                           uint32_t byte_count) {
  socket->callback(socket->borrow.handle,
                   event_type,
                   read_buffer,
                   byte_count,
                   socket->user_state);
}

/* The last callback. The library has removed the socket before, so the callback
 * may close it, and add another one that has the same number. */
static void callback__end(struct callback_socket* socket,
                          int event_type,
                          int32_t error) {
  struct callback_thread* thread = socket->thread;
  debug_check(atomic_load(&thread->id) == system_thread());
  callback_table_remove(socket);
  struct socket* inner = socket_find(thread->port, socket->id);
  if (inner != NULL) {
    inner->borrow.owner = NULL;
    iocp_close(thread->port_id, socket->id, IOCP_RESET, 0);
  }
  callback__call(socket, event_type, NULL, (uint32_t)-error);
  memory_free(socket);
}

static void callback__fail(struct callback_socket* socket, int32_t error) {
  callback__end(socket, IOCP_CALLBACK_ERROR, error);
}

/* ---- what the port delivers */

/* Only an answer of the system shows that the caller has closed the handle. */
static bool callback__is_stale(const struct socket* inner) {
  return engine_check_handle(inner) == -IOCP_ECANCELED;
}

/* Returns false after the last callback, when the caller has closed the handle.
 */
static bool callback__is_open(struct callback_socket* socket,
                              const struct socket* inner) {
  if (!callback__is_stale(inner)) return true;
  callback__fail(socket, -IOCP_ECANCELED);
  return false;
}

static void callback__received(struct callback_socket* socket,
                               struct socket* inner,
                               const struct iocp_record* record) {
  struct callback_thread* thread = socket->thread;
  if (record->result == 0) {
    callback__end(socket, IOCP_CALLBACK_END, 0);
    return;
  }
  if (record->result < 0) {
    /* When the caller closes the handle, the error of the receive varies. */
    bool is_stale = callback__is_stale(inner);
    callback__fail(socket, is_stale ? -IOCP_ECANCELED : record->result);
    return;
  }
  callback__call(socket,
                 IOCP_CALLBACK_READ,
                 thread->slab + record->detail,
                 (uint32_t)record->result);
  if (!callback__is_open(socket, inner)) return;
  socket->credit -= (uint32_t)record->result;
  if (socket->credit > CALLBACK__CREDIT / 2) return;
  /* It fails only after the end of the stream, which has its own record. */
  iocp_receive(thread->port_id, socket->id, CALLBACK__CREDIT - socket->credit);
  socket->credit = CALLBACK__CREDIT;
}

/* The slot of a new connection only carries its handle. */
static iocp_os_socket callback__release_accepted(struct socket* accepted,
                                                 bool is_wanted) {
  if (!is_wanted) engine_close_socket(accepted, true);
  iocp_os_socket handle = engine_release_accepted(accepted);
  socket_free(accepted);
  return handle;
}

/* True for a permanent failure: the handle is closed, or does not listen any
 * more. */
static bool callback__is_fatal(int32_t error) {
  return error == -IOCP_ECANCELED || error == -IOCP_EBADF ||
         error == -IOCP_ENOTSOCK || error == -IOCP_EINVAL;
}

static void callback__accepted(struct callback_thread* thread,
                               struct callback_socket* socket,
                               struct socket* inner,
                               int32_t result) {
  if (result >= 0) {
    struct socket* accepted = socket_find(thread->port, result);
    iocp_os_socket handle =
        callback__release_accepted(accepted, socket != NULL);
    if (socket == NULL) return;
    callback__call(socket, IOCP_CALLBACK_ACCEPT, &handle, sizeof handle);
    callback__is_open(socket, inner);
  } else if (socket != NULL && callback__is_fatal(result)) {
    callback__fail(socket,
                   callback__is_stale(inner) ? -IOCP_ECANCELED : result);
  } else if (socket != NULL) {
    callback__call(
        socket, IOCP_CALLBACK_ACCEPT_FAILED, NULL, (uint32_t)-result);
  }
}

static void callback__record(struct callback_thread* thread,
                             const struct iocp_record* record) {
  struct socket* inner = socket_find(thread->port, record->socket);
  /* A late record of a socket that has had its last callback. */
  if (inner == NULL) return;
  struct callback_socket* socket = inner->borrow.owner;
  if (record->kind == IOCP_ACCEPTED)
    callback__accepted(thread, socket, inner, record->result);
  else if (record->kind == IOCP_RECEIVED && socket != NULL)
    callback__received(socket, inner, record);
}

/* ---- adding and removing sockets */

/* Returns 0 or -IOCP_E..., and then callback__fail() is to be called. */
static int32_t callback__begin(struct callback_socket* socket) {
  struct callback_thread* thread = socket->thread;
  struct socket* inner = socket_new(
      thread->port, socket->is_listener ? SOCKET_LISTENING : SOCKET_STREAM);
  if (inner == NULL) return -IOCP_ENOMEM;
  inner->is_borrowed = true;
  inner->is_listener = socket->is_listener;
  inner->borrow = socket->borrow;
  inner->borrow.owner = socket;
  inner->receive_buffer = socket->borrow.receive_max;
  list_open(&inner->deferred);
  socket->id = inner->id;
  int32_t result = engine_borrow_enter(inner);
  if (result < 0) return result;
  if (socket->is_listener)
    return iocp_accept(thread->port_id, socket->id, CALLBACK__ACCEPTS);
  socket->credit = CALLBACK__CREDIT;
  return iocp_receive(thread->port_id, socket->id, CALLBACK__CREDIT);
}

static void callback__adopt(struct callback_thread* thread,
                            struct callback_socket* socket) {
  struct iocp_callbacks* callbacks = thread->callbacks;
  for (;;) {
    monitor_enter(&callbacks->monitor);
    struct callback_socket* older =
        callback_table_find(callbacks, socket->borrow.handle);
    monitor_leave(&callbacks->monitor);
    if (older == socket) break;
    /* Its handle was closed: two open sockets cannot have the same one. */
    callback__fail(older, -IOCP_ECANCELED);
  }
  list_push(&thread->sockets, &socket->node);
  int32_t result = callback__begin(socket);
  if (result >= 0) return;
  /* The caller may close the handle at any time, for which each system call has
   * another error. */
  const struct socket* inner = socket_find(thread->port, socket->id);
  bool is_stale = inner != NULL && callback__is_stale(inner);
  callback__fail(socket, is_stale ? -IOCP_ECANCELED : result);
}

/* Returns true when a delete is due; nothing is added after that. */
static bool callback__adopt_inbox(struct callback_thread* thread) {
  struct iocp_callbacks* callbacks = thread->callbacks;
  struct list_node added;
  if (!atomic_load_explicit(&thread->inbox_hint, memory_order_relaxed))
    return false;
  list_open(&added);
  monitor_enter(&callbacks->monitor);
  atomic_store(&thread->inbox_hint, false);
  list_move(&added, &thread->inbox);
  bool is_ending = callbacks->is_ending;
  monitor_leave(&callbacks->monitor);
  while (!list_is_empty(&added))
    callback__adopt(
        thread, LIST_ENTRY(list_shift(&added), struct callback_socket, node));
  return is_ending;
}

static void callback__sweep(struct callback_thread* thread) {
  struct list_node* next;
  for (struct list_node* node = thread->sockets.next; node != &thread->sockets;
       node = next) {
    next = node->next;
    struct callback_socket* socket =
        LIST_ENTRY(node, struct callback_socket, node);
    callback__is_open(socket, socket_find(thread->port, socket->id));
  }
}

/* ---- the thread */

/* Sweeps if that is due. Returns how long the thread may wait for its port. */
static int32_t callback__idle(struct callback_thread* thread,
                              int32_t timeout_ms) {
  if (list_is_empty(&thread->sockets)) return timeout_ms;
  uint64_t now_ms = system_now_ms();
  if (now_ms >= thread->sweep_at_ms) {
    callback__sweep(thread);
    now_ms = system_now_ms();
    thread->sweep_at_ms = now_ms + CALLBACK__SWEEP_MS;
  }
  int32_t left_ms = (int32_t)(thread->sweep_at_ms - now_ms);
  return timeout_ms < 0 || left_ms < timeout_ms ? left_ms : timeout_ms;
}

static void callback__serve(struct callback_thread* thread) {
  int32_t timeout_ms = -1;
  bool has_more = false;
  while (!callback__adopt_inbox(thread)) {
    int32_t wait_ms = callback__idle(thread, timeout_ms);
    if (!has_more) iocp_wait(thread->port_id, wait_ms);
    int32_t count = iocp_poll(thread->port_id,
                              &thread->events,
                              CALLBACKS_RECORDS,
                              thread->slab,
                              0,
                              sizeof thread->slab);
    timeout_ms = thread->events.header.timeout_ms;
    has_more = (thread->events.header.flags & IOCP_MORE) != 0;
    for (int32_t i = 0; i < count; i++)
      callback__record(thread, &thread->events.records[i]);
  }
  while (!list_is_empty(&thread->sockets))
    callback__fail(
        LIST_ENTRY(thread->sockets.next, struct callback_socket, node),
        -IOCP_ECANCELED);
}

void callback_thread_main(void* argument) {
  struct callback_thread* thread = argument;
  struct iocp_callbacks* callbacks = thread->callbacks;
  int32_t error;
  int32_t port_id = iocp_new(0);
  atomic_store(&thread->id, system_thread());
  monitor_enter(&callbacks->monitor);
  thread->port_id = port_id;
  thread->port = port_table_find(port_id, &error);
  thread->is_started = true;
  monitor_notify(&callbacks->monitor);
  monitor_leave(&callbacks->monitor);
  if (port_id < 0) return;
  callback__serve(thread);
  /* This waits until the kernel holds nothing of the sockets any more. */
  iocp_delete(port_id);
}
