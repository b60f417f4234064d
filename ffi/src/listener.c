/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include "engine.h"
#include "first_byte.h"
#include "share.h"
#include "system.h"

/* Connections that a listener accepts in one poll before others have their
 * turn. */
#define LISTENER__BUDGET 64
#define LISTENER__BACKOFF_MIN_MS 10
#define LISTENER__BACKOFF_MAX_MS 1000

struct socket* listener_new(struct port* port, uint32_t backlog) {
  struct socket* socket = socket_new(port, SOCKET_LISTENING);
  if (socket == NULL) return NULL;
  list_open(&socket->deferred);
  if (backlog == 0) backlog = 1;
  socket->backlog = backlog < IOCP_BACKLOG_MAX ? backlog : IOCP_BACKLOG_MAX;
  return socket;
}

int32_t listener_open(struct port* port,
                      const struct iocp_address* address,
                      uint32_t backlog,
                      uint32_t flags) {
  struct socket* socket = listener_new(port, backlog);
  if (socket == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  socket->sets_no_delay = (flags & IOCP_ALL_NO_DELAY) != 0;
  int32_t result = engine_listen(socket, address, flags);
  if (result >= 0) return socket->id;
  socket_free(socket);
  return result;
}

/* Each kind of local socket has its own way to say who may connect. What cannot
 * be granted is refused: a mode that was ignored would leave a listener open to
 * all. An abstract name has no permissions (unix(7)). */
static bool listener__fits(const struct iocp_path* name,
                           const struct path_access* access) {
  bool has_mode = access->mode != IOCP_MODE_DEFAULT;
  if (name->family == IOCP_PIPE)
    return !has_mode && (access->flags & IOCP_REPLACE_STALE) == 0;
  if (has_mode && (access->mode > 0777 || name->bytes[0] == 0)) return false;
  return access->sddl == NULL && (access->flags & IOCP_EVERYONE) == 0;
}

int32_t listener_open_path(struct port* port,
                           const struct iocp_path* name,
                           uint32_t backlog,
                           const struct path_access* access) {
  if (!listener__fits(name, access)) return port_fail(port, -IOCP_EINVAL, 0);
  struct socket* socket = listener_new(port, backlog);
  if (socket == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  int32_t result = path_set(socket, name) ? engine_listen_path(socket, access)
                                          : port_fail(port, -IOCP_ENOMEM, 0);
  if (result >= 0) return socket->id;
  socket_free(socket);
  return result;
}

int32_t listener_add(struct port* port, double os_socket, uint32_t flags) {
  struct socket* socket = listener_new(port, 1);
  if (socket == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  /* The system does not report that of the maker. */
  socket->backlog = 0;
  socket->sets_no_delay = (flags & IOCP_ALL_NO_DELAY) != 0;
  int32_t result = engine_adopt_listener(socket, os_socket, flags);
  if (result >= 0) return socket->id;
  socket_free(socket);
  return result;
}

/* Its accept_target has changed, or is to be tried again. */
static void listener__post(struct socket* listener) {
  if (listener->is_part)
    share_set_target(listener);
  else
    engine_post_accepts(listener);
}

int32_t listener_set_accepts(struct socket* listener, uint32_t count) {
  if (listener->is_stopped)
    return port_fail(listener->port, -IOCP_ESHUTDOWN, 0);
  listener->accept_target = count;
  listener__post(listener);
  listener_arm(listener);
  return 0;
}

int32_t listener_stop(struct socket* listener) {
  /* The next instance would be lost with the pipe of this process. */
  if (listener->family == IOCP_PIPE)
    return port_fail(listener->port, -IOCP_ENOTSUP, 0);
  listener->is_stopped = true;
  listener->accept_target = 0;
  if (listener->is_part)
    share_set_target(listener);
  else
    engine_stop_accepts(listener);
  return 0;
}

/* ---- the timer: retries, and checks of deferred accepts */

void listener_arm(struct socket* listener) {
  uint64_t now_ms = system_now_ms();
  uint32_t delay_ms = listener->is_part ? 0 : engine_watch_ms(listener);
  if (listener->accept_retry_ms != 0) {
    uint64_t retry_ms = listener->accept_retry_ms;
    uint32_t left_ms = retry_ms > now_ms ? (uint32_t)(retry_ms - now_ms) : 1;
    if (delay_ms == 0 || left_ms < delay_ms) delay_ms = left_ms;
  }
  if (delay_ms != 0)
    timers_arm(&listener->port->timers, listener, now_ms, delay_ms);
}

void listener_failed(struct socket* listener, int32_t error, int32_t native) {
  listener->port->stats.accept_failures++;
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

void listener_retry(struct socket* listener) {
  listener->accept_retry_ms = system_now_ms() + LISTENER__BACKOFF_MIN_MS;
  listener_arm(listener);
}

void listener_timed_out(struct socket* listener) {
  if (!listener->is_part) engine_watch_accepts(listener);
  if (listener->accept_retry_ms <= system_now_ms()) {
    listener->accept_retry_ms = 0;
    if (listener->is_stopped && !listener->is_part)
      engine_stop_accepts(listener);
    else
      listener__post(listener);
    /* Otherwise it has failed again, and would at once be tried once more. */
    if (listener->accept_retry_ms == 0) socket_ready(listener, READY_ACCEPT);
  }
  listener_arm(listener);
}

void listener_count_first_byte_timeout(struct socket* socket) {
  struct socket* listener = socket_find(socket->port, socket->listener_id);
  if (listener != NULL) listener->stats.first_byte_timeouts++;
}

/* ---- connections */

static void listener__report(struct socket* listener,
                             struct socket* socket,
                             struct batch* batch) {
  listener->port->stats.accepted++;
  listener->stats.accepted++;
  batch_push(batch, listener, IOCP_ACCEPTED, socket->id, 0);
}

/* Holds a connection back until its peer sends something. */
static void listener__defer(struct socket* listener, struct socket* socket) {
  socket->state = SOCKET_DEFERRED;
  socket->is_unreported = true;
  list_push(&listener->deferred, &socket->deferred);
  listener->deferred_count++;
  engine_arm_receive(socket, 0);
  first_byte_expect(socket, listener->first_byte_timeout_ms);
}

bool listener_deliver_deferred(struct socket* socket, struct batch* batch) {
  if (batch_is_full(batch)) return true;
  struct socket* listener = socket_find(socket->port, socket->listener_id);
  socket_undefer(socket);
  socket->state = SOCKET_STREAM;
  socket->is_unreported = false;
  first_byte_arrived(socket);
  listener__report(listener, socket, batch);
  return false;
}

static void listener__accepted(struct socket* listener,
                               struct socket* socket,
                               struct batch* batch) {
  listener->accept_backoff_ms = 0;
  socket->listener_id = listener->id;
  socket_inherit(socket, listener);
  /* Without an answer it is deferred as well: data that is there ends that. */
  if (listener->defers_accept && engine_has_data(socket) <= 0) {
    listener__defer(listener, socket);
    return;
  }
  if (!listener->defers_accept)
    first_byte_expect(socket, listener->first_byte_timeout_ms);
  listener__report(listener, socket, batch);
}

static void listener__hand_out(struct socket* listener, struct socket* socket) {
  share_give(listener, socket);
  listener->accept_backoff_ms = 0;
  listener->port->stats.accepted++;
  listener->stats.accepted++;
}

/* A slot for the next connection, with all that it takes to hand it out; or
 * NULL. */
static struct socket* listener__slot(struct socket* listener) {
  if (listener->hands_out && !share_prepare(listener)) return NULL;
  return socket_new(listener->port, SOCKET_STREAM);
}

bool listener_deliver(struct socket* listener, struct batch* batch) {
  struct port* port = listener->port;
  for (uint32_t i = 0; i < LISTENER__BUDGET; i++) {
    if (listener->state != SOCKET_LISTENING) return false;
    if (batch_is_full(batch)) return true;
    /* With so many deferred, the rest waits in the backlog. */
    if (listener->deferred_count >= IOCP_ACCEPT_MAX) return false;
    if (listener->hands_out && !share_has_room(listener)) return false;
    struct socket* socket = listener__slot(listener);
    if (socket == NULL) {
      listener_failed(listener, -IOCP_ENOMEM, 0);
      return false;
    }
    int32_t result = listener->is_part ? share_next(listener, socket)
                                       : engine_accept_next(listener, socket);
    bool is_accepted = result == 0;
    if (is_accepted && !listener->hands_out)
      listener__accepted(listener, socket, batch);
    else if (is_accepted)
      listener__hand_out(listener, socket);
    else
      socket_free(socket);
    if (result == 0) continue;
    if (result == ENGINE_WOULD_BLOCK) return false;
    /* That connection has ended already; there may be another one. */
    if (result == -IOCP_ECONNABORTED) continue;
    listener_failed(listener, result, port->native_error);
    return false;
  }
  return true;
}
