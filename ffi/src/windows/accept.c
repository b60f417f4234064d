/* SPDX-License-Identifier: MIT */
/*
 * Accepting: a pool of AcceptEx() calls is kept posted, each with a socket made
 * beforehand. What has completed waits in a list until it is taken, and what
 * waits there is not posted again, so that a slow consumer stops the pool.
 */
#include "accept.h"

#include <ws2tcpip.h>

#include "address.h"
#include "completion_port.h"
#include "errors.h"
#include "handle.h"
#include "listener.h"
#include "memory.h"
#include "winsock.h"

/* "At least 16 bytes more than the maximum address length" (AcceptEx()). */
#define ACCEPT__ADDRESS (sizeof(SOCKADDR_STORAGE) + 16)
/* listen() clamps a plain number to 200; this asks for it in earnest
 * (SOMAXCONN_HINT in winsock2.h, which MinGW does not have). */
#define ACCEPT__BACKLOG_HINT(count) (-(count))
#define ACCEPT__BACKLOG_PLAIN 200
#define ACCEPT__BACKLOG_MAX 65535

struct accept {
  struct engine_op op;
  struct list_node node; /* in `accepted` of the listener once completed */
  struct socket* listener;
  SOCKET target;
  DWORD refused; /* Winsock's number when it was not even posted, or 0 */
  DWORD received;
  uint8_t addresses[2 * ACCEPT__ADDRESS];
};

/* ---- the listener */

static int accept__set(SOCKET handle, int level, int option, BOOL value) {
  return setsockopt(handle, level, option, (const char*)&value, sizeof value);
}

static int accept__backlog(uint32_t backlog) {
  if (backlog > ACCEPT__BACKLOG_MAX) backlog = ACCEPT__BACKLOG_MAX;
  if (backlog > ACCEPT__BACKLOG_PLAIN)
    return ACCEPT__BACKLOG_HINT((int)backlog);
  return backlog == 0 ? 1 : (int)backlog;
}

static int32_t accept__bind(struct socket* socket,
                            SOCKET handle,
                            const struct iocp_address* address,
                            uint32_t backlog,
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
  if (listen(handle, accept__backlog(backlog)) != 0) goto fail;
  return handle_enter(socket, handle);

fail:
  return errors_fail(socket->port, (DWORD)WSAGetLastError());
}

int32_t engine_listen(struct socket* socket,
                      const struct iocp_address* address,
                      uint32_t backlog,
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
  list_open(&socket->engine.accepted);
  provider = winsock_provider(port, socket->family, handle);
  int32_t result = port_fail(port, -IOCP_ENOTSUP, 0);
  if (provider->accept_ex != NULL)
    result = accept__bind(socket, handle, address, backlog, flags);
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
  op_prepare(&accept->op, ENGINE_ACCEPT);
  /* It asks for no data: a peer that connects and says nothing would hold it
   * for ever. */
  BOOL has_succeeded = accept_ex(listener->engine.handle,
                                 accept->target,
                                 accept->addresses,
                                 0,
                                 ACCEPT__ADDRESS,
                                 ACCEPT__ADDRESS,
                                 &accept->received,
                                 &accept->op.overlapped);
  switch (op_started(listener, &accept->op, has_succeeded)) {
    case OP_COMPLETED:
      accept__queue(accept);
      return 0;
    case OP_IN_FLIGHT:
      listener->engine.accepts_posted++;
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
  struct accept* accept = memory_alloc(sizeof *accept);
  if (accept == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  memory_zero(accept, sizeof *accept);
  accept->listener = listener;
  accept->target = handle_new(listener->family);
  native = (DWORD)WSAGetLastError();
  if (accept->target == INVALID_SOCKET) goto err1;
  native = accept__start(accept);
  if (native == 0) return 0;
  closesocket(accept->target);
err1:
  memory_free(accept);
  return errors_fail(port, native);
}

void engine_accept(struct socket* listener) {
  struct engine_socket* engine = &listener->engine;
  while (engine->accepts_posted + engine->accepted_count <
         listener->accept_target) {
    int32_t result = accept__post(listener);
    if (result == 0) continue;
    listener_failed(listener, result, listener->port->native_error);
    return;
  }
}

/* ---- taking */

/* Gives up a connection that nobody will take. */
static void accept__drop(struct accept* accept) {
  /* As Linux does with what is left in the queue of a listener. */
  handle_set_reset(accept->target);
  closesocket(accept->target);
  memory_free(accept);
}

void accept_completed(struct engine_op* op) {
  struct accept* accept = LIST_ENTRY(op, struct accept, op);
  struct socket* listener = accept->listener;
  listener->engine.accepts_posted--;
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
static void accept__name_peer(const struct accept* accept,
                              struct socket* accepted) {
  SOCKADDR* local = NULL;
  SOCKADDR* peer = NULL;
  int local_length = 0;
  int peer_length = 0;
  LPFN_GETACCEPTEXSOCKADDRS get =
      winsock_provider(accepted->port, accepted->family, accept->target)
          ->get_accept_ex_sockaddrs;
  /* It stays unknown, and is asked for when somebody wants it. */
  if (get == NULL) return;
  get((void*)accept->addresses,
      0,
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
  if (accept->refused != 0 || op_status(&accept->op) < 0)
    return -IOCP_ECONNABORTED;
  /* Without it shutdown() and getpeername() fail, and socket options are not
   * those of a connected socket (AcceptEx()'s documentation). It fails when
   * the peer has gone again. */
  if (setsockopt(accept->target,
                 SOL_SOCKET,
                 SO_UPDATE_ACCEPT_CONTEXT,
                 (const char*)&handle,
                 sizeof handle) != 0)
    return -IOCP_ECONNABORTED;
  accepted->family = listener->family;
  accept__name_peer(accept, accepted);
  return handle_enter(accepted, accept->target);
}

int32_t engine_take_accept(struct socket* listener, struct socket* accepted) {
  struct engine_socket* engine = &listener->engine;
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
