/* SPDX-License-Identifier: MIT */
#include "close.h"

#include "engine.h"
#include "kept.h"
#include "port_table.h"
#include "progress.h"
#include "stream.h"
#include "system.h"

/* A step discards no more than this many scratch buffers before others run. */
#define CLOSE__DISCARDS 16
/* How long a delete waits for the kernel to give memory back. */
#define CLOSE__REAP_MS 2000

static void close__arm(struct socket* socket, uint32_t delay_ms) {
  timers_arm(&socket->port->timers, socket, system_now_ms(), delay_ms);
}

/* True while bytes are kept that can still be delivered. */
static bool close__drains(const struct socket* socket) {
  return !socket->close_reset && kept_first(socket) != NULL &&
         socket->error == 0;
}

/* Discards what has come. Returns true when the wait for the end is over. */
static bool close__discard(struct socket* socket) {
  struct port* port = socket->port;
  bool has_more;
  for (int i = 0; i < CLOSE__DISCARDS; i++) {
    int32_t result =
        engine_take(socket, port->scratch, sizeof port->scratch, &has_more);
    if (result == ENGINE_WOULD_BLOCK) {
      engine_arm_receive(socket, sizeof port->scratch);
      return false;
    }
    if (result <= 0) return true;
  }
  socket_ready(socket, READY_CLOSE);
  return false;
}

/* All that is left is to tell. */
static void close__end(struct socket* socket, enum close_phase phase) {
  int32_t result = socket->close_result;
  socket->close_phase = (uint8_t)phase;
  stream_abandon(socket, result != 0 ? result : -IOCP_ECANCELED);
  socket_ready(socket, READY_CLOSED);
}

static void close__finish(struct socket* socket) {
  engine_close_socket(socket, socket->close_reset);
  close__end(socket, CLOSE_DONE);
}

/* The kernel holds nothing of it any more. */
static void close__reaped(struct socket* socket) {
  if (!socket->close_detach || socket->close_reset || socket->error != 0) {
    close__finish(socket);
    return;
  }
  socket->close_phase = CLOSE_HANDING;
  socket->posted_only = true;
  socket_ready(socket, READY_RECEIVE);
}

static void close__free(struct socket* socket) {
  kept_free_all(socket);
  socket_free(socket);
}

void close_tell(struct socket* socket, struct batch* batch) {
  int32_t detail = socket->close_result < 0 ? socket->detail : 0;
  /* Not before somebody hears of it, or a port that is deleted meanwhile would
   * leave a handle that nobody knows. */
  if (socket->close_phase == CLOSE_HANDED)
    detail = (int32_t)engine_release(socket);
  if (!socket->is_untold)
    batch_push(batch, socket, IOCP_CLOSED, socket->close_result, detail);
  close__free(socket);
}

static void close__reap(struct socket* socket) {
  timers_disarm(&socket->port->timers, socket);
  socket->close_phase = CLOSE_REAPING;
  engine_cancel(socket);
}

/* Whether something that was to be sent may be missing, on a connection that
 * may work still: the system was out of memory, say. EPIPE is not that: the end
 * was said before, and what the peer has not read yet is not to be destroyed.
 */
static bool close__has_failed(const struct socket* socket) {
  return socket->error != 0 && socket->error != -IOCP_EPIPE;
}

/* Drained: says FIN. Returns the phase that follows. */
static enum close_phase close__send_fin(struct socket* socket) {
  if (close__has_failed(socket)) socket->close_reset = true;
  if (socket->close_reset || socket->error != 0 || socket->close_detach)
    return CLOSE_REAPING;
  if (!socket->fin_sent && engine_shutdown(socket) < 0) return CLOSE_REAPING;
  socket->fin_sent = true;
  /* Closing now could answer what the peer still sends with an RST, and that
   * would destroy what the peer has not read yet, its end included. */
  return socket->end_seen ? CLOSE_REAPING : CLOSE_LINGERING;
}

static void close__linger(struct socket* socket) {
  uint32_t linger_ms = socket->close_timeout_ms;
  if (linger_ms > IOCP_LINGER_MS) linger_ms = IOCP_LINGER_MS;
  socket->close_phase = CLOSE_LINGERING;
  close__arm(socket, linger_ms);
}

void close_step(struct socket* socket) {
  if (socket->close_phase == CLOSE_DRAINING) {
    if (close__drains(socket)) return;
    if (close__send_fin(socket) == CLOSE_LINGERING)
      close__linger(socket);
    else
      close__reap(socket);
  }
  if (socket->close_phase == CLOSE_LINGERING && close__discard(socket))
    close__reap(socket);
  if (socket->close_phase == CLOSE_REAPING && engine_is_idle(socket))
    close__reaped(socket);
  if (socket->close_phase == CLOSE_HANDED) close__end(socket, CLOSE_HANDED);
}

void close_timed_out(struct socket* socket) {
  if (socket->close_phase == CLOSE_DRAINING) {
    if (progress_goes_on(socket)) return;
    socket->close_result = -IOCP_ETIMEDOUT;
    socket->close_reset = true;
  }
  close__reap(socket);
  close_step(socket);
}

/* What was pending and has no result yet will be told as canceled. */
static void close__cancel_pending(struct socket* socket, int32_t result) {
  socket->cancel_result = result;
  if (socket->state == SOCKET_CONNECTING) {
    socket->connect_result = -IOCP_ECANCELED;
    socket_ready(socket, READY_CONNECTED);
  }
  if (socket->credit != 0 || socket->read_armed)
    socket_ready(socket, READY_RECEIVE_CANCELED);
  socket->credit = 0;
  socket->receive_ended = true;
}

/* Of connections that were not told yet, nobody will hear. */
static void close__drop_deferred(struct socket* listener) {
  struct list_node* list = &listener->deferred;
  while (!list_is_empty(list))
    close_by_itself(LIST_ENTRY(list->next, struct socket, deferred),
                    -IOCP_ECANCELED);
}

static void close__begin(struct socket* socket, bool is_reset) {
  bool is_connected =
      socket->state == SOCKET_STREAM && socket->connect_result == 0;
  int32_t result = socket->close_result;
  close__cancel_pending(socket, result != 0 ? result : -IOCP_ECANCELED);
  if (socket->state == SOCKET_LISTENING) close__drop_deferred(socket);
  if (socket->state == SOCKET_DEFERRED) socket_undefer(socket);
  timers_disarm(&socket->port->timers, socket);
  socket->awaits_byte = false;
  socket->state = SOCKET_CLOSING;
  socket->close_reset = is_reset;
  if (!is_connected || is_reset) {
    close__reap(socket);
    return;
  }
  socket->close_phase = CLOSE_DRAINING;
  if (kept_first(socket) == NULL) return;
  progress_made(socket);
  progress_expect(socket);
}

void close_by_itself(struct socket* socket, int32_t error) {
  socket->close_result = error;
  socket->detail = 0;
  close__begin(socket, true);
  close_step(socket);
}

/* Only a connection that works can be given back. Returns 0 or why not. */
static int32_t close__refuses_detach(const struct socket* socket) {
  if (socket->state == SOCKET_CLOSING) return -IOCP_EBADF;
  if (socket->state != SOCKET_STREAM || socket->connect_result != 0)
    return -IOCP_ENOTCONN;
  /* To the system it is none any more. */
  if (socket->fin_sent && socket->end_seen) return -IOCP_ENOTCONN;
  return socket->error;
}

int32_t iocp_close(int32_t port_name,
                   int32_t name,
                   uint32_t mode,
                   uint32_t timeout_ms) {
  int32_t error;
  struct port* port = port_table_find(port_name, &error);
  if (port == NULL) return error;
  struct socket* socket = socket_find_told(port, name);
  if (socket == NULL) return port_fail(port, -IOCP_EBADF, 0);
  if (mode > IOCP_DETACH) return port_fail(port, -IOCP_EINVAL, 0);
  if (mode == IOCP_DETACH) {
    int32_t result = close__refuses_detach(socket);
    if (result < 0) return port_fail(port, result, socket->error_native);
  }
  if (socket->state != SOCKET_CLOSING) {
    socket->close_detach = mode == IOCP_DETACH;
    socket->close_timeout_ms = timeout_ms;
    close__begin(socket, mode == IOCP_RESET);
  } else if (mode == IOCP_RESET && socket->close_phase < CLOSE_REAPING) {
    socket->close_reset = true;
    close__reap(socket);
  }
  close_step(socket);
  return 0;
}

static bool close__is_among(const struct socket* socket, uint32_t group) {
  return socket->state != SOCKET_FREE &&
         (group == GROUP_ANY || socket->group == group);
}

/* Closes what the kernel has let go of. Returns how many sockets it has not. */
static uint32_t close__all_idle(struct port* port, uint32_t group) {
  uint32_t busy_count = 0;
  struct socket* socket;
  for (uint32_t i = 0; (socket = socket_at(port, i)) != NULL; i++) {
    if (!close__is_among(socket, group)) continue;
    if (!engine_is_idle(socket)) {
      busy_count++;
      continue;
    }
    if (socket->close_phase != CLOSE_DONE) close__finish(socket);
    close__free(socket);
  }
  return busy_count;
}

/* Whether an end would make a part look whole to the peer. One that its user
 * has closed gracefully ends where its user wanted it to. */
static bool close__would_mislead(const struct socket* socket) {
  bool was_ended = socket->state == SOCKET_CLOSING && !socket->close_detach;
  return kept_first(socket) != NULL || close__has_failed(socket) ||
         (socket->is_cut && !was_ended);
}

/* The user has no name of it any more, and will not hear of it. */
static void close__disown(struct port* port, uint32_t group) {
  struct socket* socket;
  for (uint32_t i = 0; (socket = socket_at(port, i)) != NULL; i++) {
    if (!close__is_among(socket, group)) continue;
    group_retire(socket);
    socket->group = 0;
    socket->is_untold = true;
    socket->close_detach = false;
  }
}

void close_all(struct port* port, uint32_t group) {
  struct socket* socket;
  for (uint32_t i = 0; (socket = socket_at(port, i)) != NULL; i++) {
    if (!close__is_among(socket, group)) continue;
    bool would_mislead = close__would_mislead(socket);
    if (socket->close_phase >= CLOSE_REAPING) {
      /* A detach that nobody will hear of is a close after all. */
      if (socket->close_detach && would_mislead) socket->close_reset = true;
      continue;
    }
    if (socket->state != SOCKET_CLOSING) close__begin(socket, would_mislead);
    if (socket->close_phase >= CLOSE_REAPING) continue;
    socket->close_reset = would_mislead;
    close__reap(socket);
  }
  uint64_t until_ms = system_now_ms() + CLOSE__REAP_MS;
  while (close__all_idle(port, group) != 0 && system_now_ms() < until_ms) {
    engine_wait(port, 10);
    engine_poll(port);
  }
  close__disown(port, group);
}
