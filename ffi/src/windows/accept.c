/* SPDX-License-Identifier: MIT */
/*
 * Accepting: a pool of AcceptEx() calls is kept posted, each with a socket made
 * beforehand. What has completed waits in a list until it is taken, and what
 * waits there is not posted again, so that a slow consumer stops the pool.
 */
#include "accept.h"

#include <ws2tcpip.h>

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
/* listen() clamps a plain number to 200; this asks for it in earnest
 * (SOMAXCONN_HINT in winsock2.h, which MinGW does not have). */
#define ACCEPT__BACKLOG_HINT(count) (-(count))
#define ACCEPT__BACKLOG_PLAIN 200
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
  uint32_t data_size;    /* 0: it completes without data */
  uint8_t bytes[];       /* the data, and the two addresses */
};

/* ---- the listener */

static int accept__set(SOCKET handle, int level, int option, BOOL value) {
  return setsockopt(handle, level, option, (const char*)&value, sizeof value);
}

static int accept__backlog(uint32_t backlog) {
  if (backlog > ACCEPT__BACKLOG_PLAIN)
    return ACCEPT__BACKLOG_HINT((int)backlog);
  return (int)backlog;
}

static int32_t accept__bind(struct socket* socket,
                            SOCKET handle,
                            const struct iocp_address* address,
                            uint32_t flags) {
  SOCKADDR_STORAGE system;
  int length = address_to_system(address, &system);
  /* Else any other program may take the address over, even while it is in use
   * ("Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE"). */
  if (accept__set(handle, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, TRUE) != 0)
    goto fail;
  /* Windows starts from 1, Linux from 0. */
  if (address->family == 6 && accept__set(handle,
                                          IPPROTO_IPV6,
                                          IPV6_V6ONLY,
                                          (flags & IOCP_IPV6_ONLY) != 0) != 0)
    goto fail;
  if (bind(handle, (SOCKADDR*)&system, length) != 0) goto fail;
  if (listen(handle, accept__backlog(socket->backlog)) != 0) goto fail;
  return handle_enter(
      socket,
      handle,
      winsock_provider(socket->port, socket->family, handle)->is_ifs);

fail:
  return errors_fail(socket->port, (DWORD)WSAGetLastError());
}

int32_t engine_listen(struct socket* socket,
                      const struct iocp_address* address,
                      uint32_t flags) {
  struct port* port = socket->port;
  const struct engine_provider* provider;
  if (address->family != 4 && address->family != 6)
    return port_fail(port, -IOCP_EAFNOSUPPORT, 0);
  /* SO_REUSEADDR has another meaning here: it steals the address. */
  if ((flags & IOCP_REUSE_PORT) != 0) return port_fail(port, -IOCP_ENOTSUP, 0);
  SOCKET handle = handle_new(address->family);
  if (handle == INVALID_SOCKET)
    return errors_fail(port, (DWORD)WSAGetLastError());
  socket->family = (uint8_t)address->family;
  socket->is_listener = true;
  socket->engine.backlog_first = socket->backlog;
  list_open(&socket->engine.posted);
  list_open(&socket->engine.accepted);
  provider = winsock_provider(port, socket->family, handle);
  int32_t result = port_fail(port, -IOCP_ENOTSUP, 0);
  if (winsock_accepts(provider))
    result = accept__bind(socket, handle, address, flags);
  if (result < 0) closesocket(handle);
  return result;
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
  /* Whoever is given up before he is taken is to see a reset. Between the
   * connection and SO_UPDATE_ACCEPT_CONTEXT it cannot be said any more, but to
   * Wine, which forgets what was said before. */
  handle_set_reset(accept->target, true);
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
    handle_set_reset(accept->target, true);
    closesocket(accept->target);
    accept->target = INVALID_SOCKET;
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
  if (accept->target != INVALID_SOCKET) {
    /* As Linux does with what is left in the queue of a listener. */
    handle_set_reset(accept->target, true);
    closesocket(accept->target);
  }
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
      winsock_provider(accepted->port, accepted->family, accept->target)
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

/* Makes the target the accepted socket's. */
static int32_t accept__enter(struct accept* accept, struct socket* accepted) {
  struct socket* listener = accept->listener;
  SOCKET handle = listener->engine.handle;
  uint32_t bytes = accept->data_size == 0 ? 0 : op_bytes(&accept->op);
  if (accept->refused != 0 || op_status(&accept->op) < 0)
    return -IOCP_ECONNABORTED;
  /* Without it shutdown() and getpeername() fail, and socket options are not
   * those of a connected socket (AcceptEx()'s documentation). It fails when
   * the peer has gone again. */
  if (setsockopt(accept->target,
                 SOL_SOCKET,
                 SO_UPDATE_ACCEPT_CONTEXT,
                 (const char*)&handle,
                 sizeof handle) != 0 ||
      !handle_set_reset(accept->target, false))
    return -IOCP_ECONNABORTED;
  accepted->family = listener->family;
  accept__name_peer(accept, accepted);
  /* Its user's, on no port. */
  if (listener->is_borrowed) {
    accepted->engine.handle = accept->target;
    return 0;
  }
  bool is_ifs =
      winsock_provider(accepted->port, accepted->family, handle)->is_ifs;
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
