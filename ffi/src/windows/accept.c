/* SPDX-License-Identifier: MIT */
/*
 * Accepting: a pool of AcceptEx() calls is kept posted, each with a socket made
 * beforehand. What has completed waits in a list until it is taken, and what
 * waits there is not posted again, so that a slow consumer stops the pool.
 */
#include "accept.h"

#include "address.h"
#include "borrow.h"
#include "errors.h"
#include "handle.h"
#include "listener.h"
#include "memory.h"
#include "operation.h"
#include "receive.h"
#include "system.h"
#include "winsock.h"

/* "At least 16 bytes more than the maximum address length" (AcceptEx()). */
#define ACCEPT__ADDRESS (sizeof(SOCKADDR_STORAGE) + 16)
/* How much of what a peer says first comes with its connection. */
#define ACCEPT__DATA 1024
/* The silent are looked for eight times in the time that they have. */
#define ACCEPT__WATCH_SHARE 8
#define ACCEPT__WATCH_MIN_MS 16
#define ACCEPT__WATCH_MAX_MS 1000
/* What SO_CONNECT_TIME says before there is a connection. */
#define ACCEPT__NOT_CONNECTED 0xFFFFFFFFu

struct accept {
  struct engine_op op;
  struct list_node node; /* in `posted` of the listener, then in `accepted` */
  struct socket* listener;
  SOCKET target;
  DWORD refused; /* Winsock's number when it was not even posted, or 0 */
  DWORD received;
  uint64_t connected_ms; /* when it was first seen to be; 0: not yet */
  bool has_context;      /* accept__update() */
  uint32_t data_size;    /* 0: it completes without data */
  uint8_t bytes[];       /* the data, and the two addresses */
};

/* ---- the context of a connection */

/* Gives the target what it has from its listener, and the state of a connected
 * socket. Before, only few functions work, and what is said of lingering need
 * not count ("properties", AcceptEx()'s documentation). The listener must be
 * open, and it fails when the peer has gone again. */
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

/* Closes the target, which its peer, if it has one, sees as a reset: as on
 * Linux what is left in the queue of a listener. */
static void accept__reset(struct accept* accept) {
  const struct socket* listener = accept->listener;
  if (accept->target == INVALID_SOCKET) return;
  /* Where there is no connection it fails, and changes nothing. */
  if (listener->engine.handle != INVALID_SOCKET &&
      !(listener->is_borrowed && engine_is_lost(listener)))
    accept__update(accept);
  handle_set_reset(accept->target, true);
  closesocket(accept->target);
  accept->target = INVALID_SOCKET;
}

/* ---- posting */

/* It has completed; its connection waits to be taken. */
static void accept__queue(struct accept* accept) {
  struct socket* listener = accept->listener;
  list_push(&listener->engine.accepted, &accept->node);
  listener->engine.accepted_count++;
  socket_ready(listener, READY_ACCEPT);
}

/* Posts one. Returns 0 or Winsock's number. */
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
  switch (op_started(listener, &accept->op, has_succeeded)) {
    case OP_COMPLETED:
      accept__queue(accept);
      return 0;
    case OP_IN_FLIGHT:
      list_push(&listener->engine.posted, &accept->node);
      listener->engine.accepts_posted++;
      if (accept->data_size != 0) listener->engine.accepts_for_data++;
      return 0;
    case OP_REFUSED:
      break;
  }
  DWORD native = (DWORD)WSAGetLastError();
  if (native != WSAECONNRESET) return native;
  /* A peer has come and gone meanwhile (AcceptEx()'s documentation), which is
   * no failure of the listener. */
  accept->refused = native;
  accept__queue(accept);
  return 0;
}

/* Adds one to the pool. */
static int32_t accept__post(struct socket* listener) {
  struct port* port = listener->port;
  DWORD native;
  uint32_t data_size = listener->defers_accept ? ACCEPT__DATA : 0;
  size_t size = sizeof(struct accept) + data_size + 2 * ACCEPT__ADDRESS;
  struct accept* accept = memory_alloc(size);
  if (accept == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  memory_zero(accept, size);
  accept->listener = listener;
  accept->data_size = data_size;
  accept->target = handle_new(listener->family);
  native = (DWORD)WSAGetLastError();
  if (accept->target == INVALID_SOCKET) goto err1;
  /* For a connection that is given up when its context cannot be updated any
   * more. Not for a borrowed listener's: what such a socket has of lingering is
   * its listener's. */
  if (!listener->is_borrowed) handle_set_reset(accept->target, true);
  native = accept__start(accept);
  if (native == 0) return 0;
  closesocket(accept->target);
err1:
  memory_free(accept);
  return errors_fail(port, native);
}

/* How many accepts are to be posted, or done and not taken. */
static uint32_t accept__target(const struct socket* listener) {
  const struct engine_socket* engine = &listener->engine;
  uint32_t target = listener->accept_target;
  /* Those that wait for a silent peer are of no use to the next one. */
  if (target != 0) target += engine->accepts_silent;
  /* A backlog that has grown; see engine_set_backlog(). */
  target += listener->backlog - engine->backlog_first;
  return target < IOCP_ACCEPT_MAX ? target : IOCP_ACCEPT_MAX;
}

int32_t engine_set_backlog(struct socket* listener, uint32_t backlog) {
  /* A second listen() "will return success without changing the value for the
   * backlog parameter" (listen()'s documentation), so accepts that are posted
   * make up for what is missing. */
  if (backlog < listener->engine.backlog_first)
    return port_fail(listener->port, -IOCP_ENOTSUP, 0);
  listener->backlog = backlog;
  engine_accept(listener);
  return 0;
}

void engine_accept(struct socket* listener) {
  struct engine_socket* engine = &listener->engine;
  if (listener->is_borrowed && engine_is_lost(listener)) {
    listener_failed(listener, -IOCP_ECANCELED, 0);
    return;
  }
  /* Those who have come while it did not accept are told of now. */
  if (engine->accepted_count != 0) socket_ready(listener, READY_ACCEPT);
  while (engine->accepts_posted + engine->accepted_count <
         accept__target(listener)) {
    int32_t result = accept__post(listener);
    if (result == 0) continue;
    listener_failed(listener, result, listener->port->native_error);
    return;
  }
}

/* ---- those who connect and say nothing */

uint32_t engine_watch_ms(const struct socket* listener) {
  uint32_t timeout_ms = listener->first_byte_timeout_ms;
  uint32_t share_ms = timeout_ms / ACCEPT__WATCH_SHARE;
  /* Some may be left of a time when it did. */
  if (!listener->defers_accept && listener->engine.accepts_for_data == 0)
    return 0;
  if (listener->engine.is_filling) return ACCEPT__WATCH_MIN_MS;
  /* Also where nobody is given up: the pool must not run out of accepts. */
  if (timeout_ms == 0 || share_ms > ACCEPT__WATCH_MAX_MS)
    return ACCEPT__WATCH_MAX_MS;
  return share_ms < ACCEPT__WATCH_MIN_MS ? ACCEPT__WATCH_MIN_MS : share_ms;
}

/* Whether a posted accept has a connection; AcceptEx() tells of it only when
 * data has come as well. */
static bool accept__is_connected(struct accept* accept, uint64_t now_ms) {
  DWORD seconds = ACCEPT__NOT_CONNECTED;
  int length = sizeof seconds;
  if (accept->data_size == 0 || accept->target == INVALID_SOCKET) return false;
  if (getsockopt(accept->target,
                 SOL_SOCKET,
                 SO_CONNECT_TIME,
                 (char*)&seconds,
                 &length) != 0 ||
      seconds == ACCEPT__NOT_CONNECTED)
    return false;
  if (accept->connected_ms == 0) accept->connected_ms = now_ms;
  return true;
}

void engine_watch_accepts(struct socket* listener) {
  struct engine_socket* engine = &listener->engine;
  uint32_t timeout_ms = listener->first_byte_timeout_ms;
  uint64_t now_ms = system_now_ms();
  const struct list_node* list = &engine->posted;
  uint32_t silent_before = engine->accepts_silent;
  engine->accepts_silent = 0;
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct accept* accept = LIST_ENTRY(node, struct accept, node);
    if (!accept__is_connected(accept, now_ms)) continue;
    if (timeout_ms == 0 || now_ms - accept->connected_ms < timeout_ms) {
      engine->accepts_silent++;
      continue;
    }
    /* "The only way to close these connections" (AcceptEx()'s documentation);
     * the operation then fails, and another one takes its place. */
    accept__reset(accept);
    listener->stats.silent++;
  }
  engine->is_filling = engine->accepts_silent > silent_before;
}

int32_t engine_defer_accept(struct socket* listener) {
  const struct list_node* list = &listener->engine.posted;
  uint64_t now_ms = system_now_ms();
  /* The accepts that are posted from now on ask for data. */
  if (listener->defers_accept) return 0;
  /* Or ask for none any more: those that have no connection yet end, and others
   * take their place. */
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct accept* accept = LIST_ENTRY(node, struct accept, node);
    if (accept->data_size != 0 && !accept__is_connected(accept, now_ms))
      CancelIoEx((HANDLE)listener->engine.handle, &accept->op.overlapped);
  }
  return 0;
}

/* ---- taking */

/* Gives up a connection that nobody will take. */
static void accept__drop(struct accept* accept) {
  accept__reset(accept);
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

void accept_forget(struct socket* listener) {
  struct engine_socket* engine = &listener->engine;
  const struct list_node* list = &engine->posted;
  bool is_lost = listener->is_borrowed && engine_is_lost(listener);
  /* No further one is to get a connection. Those that have got one, and whose
   * packets are still to come, have their listener for the last time now. What
   * was canceled may complete all the same, so the target is closed at once. It
   * does no harm when a borrowed listener is closed already, for that has ended
   * its operations. */
  if (engine->accepts_posted != 0 && !is_lost)
    CancelIoEx((HANDLE)engine->handle, NULL);
  for (struct list_node* node = list->next; node != list; node = node->next)
    accept__reset(LIST_ENTRY(node, struct accept, node));
  while (!list_is_empty(&engine->accepted))
    accept__drop(
        LIST_ENTRY(list_shift(&engine->accepted), struct accept, node));
  engine->accepted_count = 0;
}

/* The peer as the kernel wrote it down when it came. */
static void accept__name_peer(struct accept* accept, struct socket* accepted) {
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
  if (peer != NULL) address_from_system(peer, peer_length, &accepted->peer);
}

/* A user's socket blocks, as the callback API promises, but it has the mode of
 * its listener from it. One whose listener has events (WSAEventSelect()) has
 * these as well, and cannot block before they are cleared. */
static bool accept__make_blocking(SOCKET target) {
  u_long is_non_blocking = 0;
  if (ioctlsocket(target, (long)FIONBIO, &is_non_blocking) == 0) return true;
  return WSAEventSelect(target, NULL, 0) == 0 &&
         ioctlsocket(target, (long)FIONBIO, &is_non_blocking) == 0;
}

/* Makes the target the accepted socket's. */
static int32_t accept__enter(struct accept* accept, struct socket* accepted) {
  struct socket* listener = accept->listener;
  SOCKET handle = listener->engine.handle;
  uint32_t bytes = accept->data_size == 0 ? 0 : op_bytes(&accept->op);
  if (accept->refused != 0 || op_status(&accept->op) < 0)
    return -IOCP_ECONNABORTED;
  if (!accept__update(accept)) return -IOCP_ECONNABORTED;
  /* Which of a listener's options are inherited with the context is not
   * documented. That it is refused means that the peer has gone, which the
   * first receive or send reports. */
  if (listener->sets_no_delay) handle_set_no_delay(accept->target);
  accepted->family = listener->family;
  accept__name_peer(accept, accepted);
  if (listener->is_borrowed) {
    if (!accept__make_blocking(accept->target)) return -IOCP_ECONNABORTED;
    /* Its user's, on no port. */
    accepted->engine.handle = accept->target;
    return 0;
  }
  if (!handle_set_reset(accept->target, false)) return -IOCP_ECONNABORTED;
  bool is_ifs =
      winsock_provider(listener->port, listener->family, handle)->is_ifs;
  int32_t result = handle_enter(accepted, accept->target, is_ifs);
  if (result < 0 || bytes == 0) return result;
  /* Without memory for what it has said, the connection is of no use. */
  return receive_preload(accepted, accept->bytes, bytes) ? 0
                                                         : -IOCP_ECONNABORTED;
}

int32_t engine_take_accept(struct socket* listener, struct socket* accepted) {
  struct engine_socket* engine = &listener->engine;
  /* A backlog that has grown takes connections that nobody has asked for yet.
   */
  if (listener->accept_target == 0) return ENGINE_WOULD_BLOCK;
  if (list_is_empty(&engine->accepted)) {
    engine_accept(listener);
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
