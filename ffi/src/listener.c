/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include "engine.h"
#include "port_table.h"
#include "system.h"

/* Connections of one listener that a turn takes before others run. */
#define LISTENER__BUDGET 64
#define LISTENER__BACKOFF_MIN_MS 10
#define LISTENER__BACKOFF_MAX_MS 1000

int32_t iocp_listen(int32_t port_name,
                    const void* address,
                    uint32_t backlog,
                    uint32_t flags) {
  int32_t error;
  struct port* port = port_table_find(port_name, &error);
  if (port == NULL) return error;
  if (address == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  if ((flags & ~(uint32_t)(IOCP_IPV6_ONLY | IOCP_REUSE_PORT)) != 0)
    return port_fail(port, -IOCP_EINVAL, 0);
  struct socket* socket = socket_new(port, SOCKET_LISTENING);
  if (socket == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  int32_t result = engine_listen(socket, address, backlog, flags);
  if (result >= 0) return socket->name;
  socket_free(socket);
  return result;
}

int32_t iocp_accept(int32_t port_name, int32_t name, uint32_t count) {
  int32_t error;
  struct port* port = port_table_find(port_name, &error);
  if (port == NULL) return error;
  struct socket* listener = socket_find(port, name);
  if (listener == NULL || listener->state == SOCKET_CLOSING)
    return port_fail(port, -IOCP_EBADF, 0);
  if (listener->state != SOCKET_LISTENING || count > IOCP_ACCEPT_MAX)
    return port_fail(port, -IOCP_EINVAL, 0);
  listener->accept_target = count;
  engine_accept(listener);
  return 0;
}

void listener_failed(struct socket* listener, int32_t error, int32_t native) {
  struct port* port = listener->port;
  port->stats.accept_failures++;
  if (listener->accept_backoff_ms == 0) {
    listener->accept_backoff_ms = LISTENER__BACKOFF_MIN_MS;
    listener->accept_result = error;
    listener->detail = native;
    socket_ready(listener, READY_ACCEPT_FAILED);
  } else if (listener->accept_backoff_ms < LISTENER__BACKOFF_MAX_MS) {
    listener->accept_backoff_ms *= 2;
  }
  timers_arm(
      &port->timers, listener, system_now_ms(), listener->accept_backoff_ms);
}

void listener_retry(struct socket* listener) {
  engine_accept(listener);
  socket_ready(listener, READY_ACCEPT);
}

bool listener_deliver(struct socket* listener, struct batch* batch) {
  struct port* port = listener->port;
  for (uint32_t i = 0; i < LISTENER__BUDGET; i++) {
    if (listener->state != SOCKET_LISTENING) return false;
    if (batch_is_full(batch)) return true;
    struct socket* socket = socket_new(port, SOCKET_STREAM);
    if (socket == NULL) {
      listener_failed(listener, -IOCP_ENOMEM, 0);
      return false;
    }
    int32_t result = engine_take_accept(listener, socket);
    if (result == 0) {
      listener->accept_backoff_ms = 0;
      port->stats.accepted++;
      batch_push(batch, listener, IOCP_ACCEPTED, socket->name, 0);
      continue;
    }
    socket_free(socket);
    if (result == ENGINE_WOULD_BLOCK) return false;
    /* That peer has gone again; the next one may be there. */
    if (result == -IOCP_ECONNABORTED) continue;
    listener_failed(listener, result, port->native_error);
    return false;
  }
  return true;
}
