/* SPDX-License-Identifier: MIT */
#include "accept.h"

#include "address.h"
#include "borrow.h"
#include "errors.h"
#include "handle.h"
#include "listener.h"
#include "memory.h"
#include "operation.h"
#include "pipe.h"
#include "pipe_accept.h"
#include "receive_list.h"
#include "system.h"
#include "winsock.h"

/* "At least 16 bytes more than the maximum address length" (AcceptEx()). */
#define ACCEPT__ADDRESS (sizeof(SOCKADDR_STORAGE) + 16)
/* Bytes of data that may come with a deferred connection. */
#define ACCEPT__DATA 1024
/* ---- the context of a connection */

/* Gives the target the properties of its listener, and the state of a connected
 * socket. Before that, few functions work, and SO_LINGER may have no effect
 * ("properties", AcceptEx()'s documentation). The listener must be open. It
 * fails when the connection has ended already. */
static bool accept__update(struct accept* accept) {
  SOCKET handle = accept->listener->engine.handle;
  if (accept->has_context) return true;
  accept->has_context = setsockopt(accept->target,
                                   SOL_SOCKET,
                                   SO_UPDATE_ACCEPT_CONTEXT,
                                   (const char*)&handle,
                                   sizeof handle) == 0;
  return accept->has_context;
}

void accept_reset(struct accept* accept) {
  const struct socket* listener = accept->listener;
  if (accept->target == INVALID_SOCKET) return;
  /* Without a connection it fails, and changes nothing. */
  if (!listener->is_borrowed || engine_check_handle(listener) == 0)
    accept__update(accept);
  handle_set_reset(accept->target, true);
  closesocket(accept->target);
  accept->target = INVALID_SOCKET;
}

/* ---- posting */

/* It has completed, and waits for engine_accept_next(). */
static void accept__queue(struct accept* accept) {
  struct socket* listener = accept->listener;
  list_push(&listener->engine.accepted, &accept->node);
  listener->engine.accepted_count++;
  socket_ready(listener, READY_ACCEPT);
}

/* Posts one. Returns 0 or Winsock's error. */
static DWORD accept__start(struct accept* accept) {
  struct socket* listener = accept->listener;
  LPFN_ACCEPTEX accept_ex =
      winsock_provider(
          listener->port, listener->family, listener->engine.handle)
          ->accept_ex;
  /* A borrowed listener may relay. */
  if (!op_prepare(listener, &accept->op, ENGINE_ACCEPT)) return WSAENOBUFS;
  BOOL has_succeeded = accept_ex(listener->engine.handle,
                                 accept->target,
                                 accept->bytes,
                                 accept->data_size,
                                 ACCEPT__ADDRESS,
                                 ACCEPT__ADDRESS,
                                 &accept->received,
                                 &accept->op.overlapped);
  enum op_start start = op_started(listener, &accept->op, has_succeeded);
  if (start == OP_COMPLETED) {
    accept__queue(accept);
    return 0;
  }
  if (start == OP_IN_FLIGHT) {
    list_push(&listener->engine.posted, &accept->node);
    listener->engine.accepts_posted++;
    if (accept->data_size != 0) listener->engine.accepts_for_data++;
    return 0;
  }
  DWORD native = (DWORD)WSAGetLastError();
  if (native != WSAECONNRESET) return native;
  /* "An incoming connection was indicated, but was subsequently terminated"
   * (AcceptEx()): not a failure of the listener. */
  accept->refused = native;
  accept__queue(accept);
  return 0;
}

/* Adds one to the pool. */
static int32_t accept__post(struct socket* listener) {
  struct port* port = listener->port;
  DWORD native;
  /* Only for TCP is it documented how a connection without data is found. */
  bool waits_for_data = listener->defers_accept && !socket_is_local(listener);
  uint32_t data_size = waits_for_data ? ACCEPT__DATA : 0;
  size_t size = sizeof(struct accept) + data_size + 2 * ACCEPT__ADDRESS;
  struct accept* accept = memory_alloc(size);
  if (accept == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  memory_zero(accept, size);
  accept->listener = listener;
  accept->data_size = data_size;
  accept->target = handle_new(listener->family);
  native = (DWORD)WSAGetLastError();
  if (accept->target == INVALID_SOCKET) goto err1;
  /* For a connection that is dropped when its context cannot be updated any
   * more. Not for a borrowed listener, from which the socket inherits its
   * SO_LINGER. */
  if (!listener->is_borrowed && !socket_is_local(listener))
    handle_set_reset(accept->target, true);
  native = accept__start(accept);
  if (native == 0) return 0;
  closesocket(accept->target);
err1:
  memory_free(accept);
  return errors_fail(port, native);
}

/* How many accepts are to be posted or completed. */
static uint32_t accept__pool_size(const struct socket* listener) {
  const struct engine_socket* engine = &listener->engine;
  uint32_t target = listener->accept_target;
  /* Accepts that hold a connection without data do not accept others. */
  if (target != 0) target += engine->accepts_without_data;
  /* A larger backlog; see engine_set_backlog(). */
  target += listener->backlog - engine->backlog_first;
  return target < IOCP_ACCEPT_MAX ? target : IOCP_ACCEPT_MAX;
}

void engine_post_accepts(struct socket* listener) {
  struct engine_socket* engine = &listener->engine;
  if (pipe_is(listener)) {
    pipe_accept_post(listener);
    return;
  }
  int32_t result = listener->is_borrowed ? engine_check_handle(listener) : 0;
  if (result < 0) {
    listener_failed(listener, result, 0);
    return;
  }
  /* Report the connections that arrived while the target was 0. */
  if (engine->accepted_count != 0) socket_ready(listener, READY_ACCEPT);
  if (listener->is_stopped) return;
  while (engine->accepts_posted + engine->accepted_count <
         accept__pool_size(listener)) {
    result = accept__post(listener);
    if (result == 0) continue;
    listener_failed(listener, result, listener->port->native_error);
    return;
  }
}

/* ---- completed accepts */

/* Drops a connection that will not be delivered. */
static void accept__drop(struct accept* accept) {
  accept_reset(accept);
  memory_free(accept);
}

void accept_completed(struct engine_op* op) {
  struct accept* accept = LIST_ENTRY(op, struct accept, op);
  struct socket* listener = accept->listener;
  list_remove(&accept->node);
  listener->engine.accepts_posted--;
  if (accept->data_size != 0) listener->engine.accepts_for_data--;
  if (listener->state != SOCKET_CLOSING) {
    accept__queue(accept);
    return;
  }
  accept__drop(accept);
  if (listener->engine.accepts_posted == 0) socket_ready(listener, READY_CLOSE);
}

static void accept__cancel_posted(struct socket* listener, bool is_known) {
  const struct list_node* list = &listener->engine.posted;
  HANDLE handle = (HANDLE)listener->engine.handle;
  if (is_known) CancelIoEx(handle, NULL);
  for (struct list_node* node = list->next; node != list && !is_known;
       node = node->next)
    CancelIoEx(handle, &LIST_ENTRY(node, struct accept, node)->op.overlapped);
}

void accept_cancel_all(struct socket* listener) {
  struct engine_socket* engine = &listener->engine;
  const struct list_node* list = &engine->posted;
  int32_t check = listener->is_borrowed ? engine_check_handle(listener) : 0;
  bool is_stale = check == -IOCP_ECANCELED;
  /* First, no further accept may get a connection. Accepts that have one, with
   * packets that are still queued, need the open listener to update their
   * context, so that is done now. A canceled accept may complete nevertheless,
   * so its target is closed at once. If a borrowed listener is closed, its
   * operations have ended already; if that is not known, only they are
   * canceled, and none of the socket that may have its handle now. */
  if (engine->accepts_posted != 0 && !is_stale)
    accept__cancel_posted(listener, check == 0);
  for (struct list_node* node = list->next; node != list; node = node->next)
    accept_reset(LIST_ENTRY(node, struct accept, node));
  while (!list_is_empty(&engine->accepted))
    accept__drop(
        LIST_ENTRY(list_shift(&engine->accepted), struct accept, node));
  engine->accepted_count = 0;
}

void engine_stop_accepts(struct socket* listener) {
  struct engine_socket* engine = &listener->engine;
  /* Only those of this process ("CancelIoEx", Remarks). If it fails, for want
   * of memory, they would take connections from the other process. */
  if (engine->accepts_posted != 0 &&
      !CancelIoEx((HANDLE)engine->handle, NULL) &&
      GetLastError() != ERROR_NOT_FOUND)
    listener_retry(listener);
  if (engine->accepted_count != 0) socket_ready(listener, READY_ACCEPT);
  /* The socket file is the other process's from here on. */
  if (socket_is_local(listener) && listener->path != NULL)
    listener->path->engine.has_file = false;
}

/* Reads the address of the peer out of the accept's buffer. */
static void accept__read_peer(struct accept* accept, struct socket* accepted) {
  SOCKADDR* local = NULL;
  SOCKADDR* peer = NULL;
  int local_length = 0;
  int peer_length = 0;
  LPFN_GETACCEPTEXSOCKADDRS get =
      winsock_provider(accept->listener->port, accepted->family, accept->target)
          ->get_accept_ex_sockaddrs;
  get(accept->bytes,
      accept->data_size,
      ACCEPT__ADDRESS,
      ACCEPT__ADDRESS,
      &local,
      &local_length,
      &peer,
      &peer_length);
  address_from_system(peer, peer_length, &accepted->peer);
}

/* The callback API promises a blocking socket, but the target has inherited the
 * mode of its listener. With events (WSAEventSelect()), which are inherited
 * too, it cannot block before they are cleared. */
static bool accept__make_blocking(SOCKET target) {
  u_long is_non_blocking = 0;
  if (ioctlsocket(target, (long)FIONBIO, &is_non_blocking) == 0) return true;
  return WSAEventSelect(target, NULL, 0) == 0 &&
         ioctlsocket(target, (long)FIONBIO, &is_non_blocking) == 0;
}

/* Moves the target into the accepted socket. */
static int32_t accept__enter(struct accept* accept, struct socket* accepted) {
  struct socket* listener = accept->listener;
  SOCKET handle = listener->engine.handle;
  uint32_t bytes = accept->data_size == 0 ? 0 : op_bytes(&accept->op);
  if (accept->refused != 0 || op_status(&accept->op) < 0)
    return -IOCP_ECONNABORTED;
  if (!accept__update(accept)) return -IOCP_ECONNABORTED;
  /* It is not documented which options are inherited with the context. This
   * fails when the connection has ended, which the first receive or send
   * reports. */
  if (listener->sets_no_delay) handle_set_no_delay(accept->target);
  accepted->family = listener->family;
  /* A name is queried when it is asked for. */
  if (!socket_is_local(listener)) accept__read_peer(accept, accepted);
  if (listener->is_borrowed) {
    if (!accept__make_blocking(accept->target)) return -IOCP_ECONNABORTED;
    /* The caller's own socket, on no port. */
    accepted->engine.handle = accept->target;
    return 0;
  }
  if (!socket_is_local(listener) && !handle_set_reset(accept->target, false))
    return -IOCP_ECONNABORTED;
  /* For another port. What came with it would be lost; a listener that hands
   * out waits for no data. */
  if (listener->hands_out) {
    if (bytes != 0) return -IOCP_ECONNABORTED;
    accepted->engine.handle = accept->target;
    return 0;
  }
  bool is_ifs =
      winsock_provider(listener->port, listener->family, handle)->is_ifs;
  int32_t result = handle_enter(accepted, accept->target, is_ifs);
  if (result < 0 || bytes == 0) return result;
  /* Without memory for its data, the connection is lost. */
  return receive_list_preload(accepted, accept->bytes, bytes)
             ? 0
             : -IOCP_ECONNABORTED;
}

int32_t engine_accept_next(struct socket* listener, struct socket* accepted) {
  struct engine_socket* engine = &listener->engine;
  if (pipe_is(listener)) return pipe_accept_next(listener, accepted);
  /* Accepting was stopped. Connections that were accepted before wait until it
   * resumes. */
  if (listener->accept_target == 0 && !listener->is_stopped)
    return ENGINE_WOULD_BLOCK;
  if (list_is_empty(&engine->accepted)) {
    engine_post_accepts(listener);
    return ENGINE_WOULD_BLOCK;
  }
  struct accept* accept =
      LIST_ENTRY(list_shift(&engine->accepted), struct accept, node);
  engine->accepted_count--;
  int32_t result = accept__enter(accept, accepted);
  if (result < 0)
    accept__drop(accept);
  else
    memory_free(accept);
  return result;
}

void engine_open_part(struct socket* part) {
  part->engine.handle = INVALID_SOCKET;
  list_open(&part->engine.posted);
  list_open(&part->engine.accepted);
}

void engine_reset_handle(iocp_os_socket handle) {
  handle_set_reset(handle, true);
  closesocket(handle);
}
