/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include "engine.h"
#include "memory.h"
#include "port_table.h"
#include "silence.h"
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
  if ((flags &
       ~(uint32_t)(IOCP_IPV6_ONLY | IOCP_REUSE_PORT | IOCP_ALL_NO_DELAY)) != 0)
    return port_fail(port, -IOCP_EINVAL, 0);
  /* Callers of other languages have it in bytes, at any alignment. */
  struct iocp_address wanted;
  memory_copy(&wanted, address, sizeof wanted);
  struct socket* socket = socket_new(port, SOCKET_LISTENING);
  if (socket == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  list_open(&socket->deferred);
  if (backlog == 0) backlog = 1;
  socket->backlog = backlog < IOCP_BACKLOG_MAX ? backlog : IOCP_BACKLOG_MAX;
  socket->sets_no_delay = (flags & IOCP_ALL_NO_DELAY) != 0;
  int32_t result = engine_listen(socket, &wanted, flags);
  if (result >= 0) return socket->name;
  socket_free(socket);
  return result;
}

int32_t iocp_accept(int32_t port_name, int32_t name, uint32_t count) {
  int32_t error;
  struct port* port = port_table_find(port_name, &error);
  if (port == NULL) return error;
  struct socket* listener = socket_find_told(port, name);
  if (listener == NULL || listener->state == SOCKET_CLOSING)
    return port_fail(port, -IOCP_EBADF, 0);
  if (listener->state != SOCKET_LISTENING || count > IOCP_ACCEPT_MAX)
    return port_fail(port, -IOCP_EINVAL, 0);
  listener->accept_target = count;
  engine_accept(listener);
  listener_arm(listener);
  return 0;
}

/* ---- trying again, and looking after those who say nothing */

void listener_arm(struct socket* listener) {
  uint64_t now_ms = system_now_ms();
  uint32_t delay_ms = engine_watch_ms(listener);
  if (listener->accept_retry_ms != 0) {
    uint64_t retry_ms = listener->accept_retry_ms;
    uint32_t left_ms = retry_ms > now_ms ? (uint32_t)(retry_ms - now_ms) : 1;
    if (delay_ms == 0 || left_ms < delay_ms) delay_ms = left_ms;
  }
  if (delay_ms != 0)
    timers_arm(&listener->port->timers, listener, now_ms, delay_ms);
}

void listener_failed(struct socket* listener, int32_t error, int32_t native) {
  struct port* port = listener->port;
  port->stats.accept_failures++;
  listener->stats.accept_failures++;
  if (listener->accept_backoff_ms == 0) {
    listener->accept_backoff_ms = LISTENER__BACKOFF_MIN_MS;
    listener->accept_result = error;
    listener->detail = native;
    socket_ready(listener, READY_ACCEPT_FAILED);
  } else if (listener->accept_backoff_ms < LISTENER__BACKOFF_MAX_MS) {
    listener->accept_backoff_ms *= 2;
  }
  listener->accept_retry_ms = system_now_ms() + listener->accept_backoff_ms;
  listener_arm(listener);
}

void listener_timed(struct socket* listener) {
  engine_watch_accepts(listener);
  if (listener->accept_retry_ms <= system_now_ms()) {
    listener->accept_retry_ms = 0;
    engine_accept(listener);
    socket_ready(listener, READY_ACCEPT);
  }
  listener_arm(listener);
}

void listener_met_silence(struct socket* socket) {
  struct socket* listener = socket_find(socket->port, socket->listener_name);
  if (listener != NULL) listener->stats.silent++;
}

/* ---- connections whose peers have said nothing yet */

static void listener__defer(struct socket* listener, struct socket* socket) {
  socket->state = SOCKET_DEFERRED;
  socket->is_untold = true;
  list_push(&listener->deferred, &socket->deferred);
  listener->deferred_count++;
  engine_arm_receive(socket, 0);
  silence_expect_end(socket, listener->first_byte_timeout_ms);
}

/* ---- telling */

static void listener__tell(struct socket* listener,
                           struct socket* socket,
                           struct batch* batch) {
  listener->port->stats.accepted++;
  listener->stats.accepted++;
  batch_push(batch, listener, IOCP_ACCEPTED, socket->name, 0);
}

bool listener_deliver_deferred(struct socket* socket, struct batch* batch) {
  if (batch_is_full(batch)) return true;
  struct socket* listener = socket_find(socket->port, socket->listener_name);
  socket_undefer(socket);
  socket->state = SOCKET_STREAM;
  socket->is_untold = false;
  silence_broken(socket);
  listener__tell(listener, socket, batch);
  return false;
}

/* A connection has come. */
static void listener__accepted(struct socket* listener,
                               struct socket* socket,
                               struct batch* batch) {
  listener->accept_backoff_ms = 0;
  socket->listener_name = listener->name;
  socket_inherit(socket, listener);
  if (listener->defers_accept && !engine_has_data(socket)) {
    listener__defer(listener, socket);
    return;
  }
  if (!listener->defers_accept)
    silence_expect_end(socket, listener->first_byte_timeout_ms);
  listener__tell(listener, socket, batch);
}

bool listener_deliver(struct socket* listener, struct batch* batch) {
  struct port* port = listener->port;
  for (uint32_t i = 0; i < LISTENER__BUDGET; i++) {
    if (listener->state != SOCKET_LISTENING) return false;
    if (batch_is_full(batch)) return true;
    /* So many say nothing already that the rest must wait in the backlog. */
    if (listener->deferred_count >= IOCP_ACCEPT_MAX) return false;
    struct socket* socket = socket_new(port, SOCKET_STREAM);
    if (socket == NULL) {
      listener_failed(listener, -IOCP_ENOMEM, 0);
      return false;
    }
    int32_t result = engine_take_accept(listener, socket);
    if (result == 0) {
      listener__accepted(listener, socket, batch);
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
