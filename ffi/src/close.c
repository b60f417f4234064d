/* SPDX-License-Identifier: MIT */
#include "close.h"

#include "datagram.h"
#include "engine.h"
#include "progress.h"
#include "send_copy.h"
#include "sender.h"
#include "share.h"
#include "system.h"

/* One step discards at most this many scratch buffers before other sockets have
 * their turn. */
#define CLOSE__DISCARDS 16

static void close__arm(struct socket* socket, uint32_t delay_ms) {
  timers_arm(&socket->port->timers, socket, system_now_ms(), delay_ms);
}

/* ---- the graceful part */

/* True while there are send copies that can still be sent. */
static bool close__drains(const struct socket* socket) {
  return !socket->close_reset && send_copy_first(socket) != NULL &&
         socket->error == 0;
}

/* Discards received data. Returns true at the end of the stream. */
static bool close__discard(struct socket* socket) {
  struct port* port = socket->port;
  bool has_more;
  for (int i = 0; i < CLOSE__DISCARDS; i++) {
    int32_t result =
        engine_receive(socket, port->scratch, sizeof port->scratch, &has_more);
    if (result == ENGINE_WOULD_BLOCK) {
      engine_arm_receive(socket, sizeof port->scratch);
      return false;
    }
    if (result <= 0) return true;
  }
  socket_ready(socket, READY_CLOSE);
  return false;
}

/* Discards what a unix socket has received. Its copies may be for a socket that
 * is closed as well and waits for room here, or for itself: then neither would
 * ever have room. */
static void close__discard_datagrams(struct socket* socket) {
  struct port* port = socket->port;
  struct iocp_datagram header;
  uint8_t path[IOCP_DATAGRAM_PATH_MAX];
  for (int i = 0; i < CLOSE__DISCARDS; i++)
    if (engine_receive_from(
            socket, port->scratch, sizeof port->scratch, &header, path) ==
        ENGINE_WOULD_BLOCK)
      return;
  socket_ready(socket, READY_CLOSE);
}

/* True if a send failed although the connection may still work, for example
 * because the system was out of memory: the peer lacks bytes. EPIPE does not
 * count: FIN was sent before, and a reset would destroy what the peer has not
 * read yet. */
bool close_has_failed_send(const struct socket* socket) {
  return socket->error != 0 && socket->error != -IOCP_EPIPE;
}

/* All copies are sent: sends FIN. Returns the next phase. */
static enum close_phase close__send_fin(struct socket* socket) {
  if (close_has_failed_send(socket)) socket->close_reset = true;
  if (socket->is_datagram || socket->close_reset || socket->error != 0 ||
      socket->close_detach)
    return CLOSE_REAPING;
  if (!socket->fin_sent && engine_shutdown(socket) < 0) return CLOSE_REAPING;
  socket->fin_sent = true;
  /* Closing the handle now could answer data of the peer with an RST, which
   * destroys what the peer has not read yet, the FIN included. */
  return socket->end_seen ? CLOSE_REAPING : CLOSE_LINGERING;
}

static void close__linger(struct socket* socket) {
  uint32_t linger_ms = socket->close_timeout_ms;
  if (linger_ms > IOCP_LINGER_MS) linger_ms = IOCP_LINGER_MS;
  socket->close_phase = CLOSE_LINGERING;
  close__arm(socket, linger_ms);
}

/* ---- the end */

void close_reap(struct socket* socket) {
  timers_disarm(&socket->port->timers, socket);
  socket->close_phase = CLOSE_REAPING;
  engine_cancel(socket);
}

/* Only records are left. */
static void close__end(struct socket* socket, enum close_phase phase) {
  int32_t result = socket->close_result;
  socket->close_phase = (uint8_t)phase;
  sender_abandon(socket, result != 0 ? result : -IOCP_ECANCELED);
  socket_ready(socket, READY_CLOSED);
}

static void close__finish(struct socket* socket) {
  engine_close_socket(socket, socket->close_reset);
  close__end(socket, CLOSE_DONE);
}

/* The kernel holds nothing of the socket any more. */
static void close__reaped(struct socket* socket) {
  if (!socket->close_detach || socket->close_reset || socket->error != 0) {
    close__finish(socket);
    return;
  }
  socket->close_phase = CLOSE_DELIVERING;
  socket->posted_only = true;
  socket_ready(socket, READY_RECEIVE);
}

static void close__free(struct socket* socket) {
  send_copy_free_all(socket);
  if (socket->is_datagram) datagram_free(socket);
  socket_free(socket);
}

void close_now(struct socket* socket) {
  if (socket->close_phase != CLOSE_DONE) close__finish(socket);
  close__free(socket);
}

void close_report(struct socket* socket, struct batch* batch) {
  int32_t detail = socket_detail(socket, socket->close_result);
  /* Released only now: if the port were deleted before the record is delivered,
   * a released handle would leak. */
  if (socket->close_phase == CLOSE_DETACHED)
    detail = (int32_t)engine_release(socket);
  if (!socket->is_unreported)
    batch_push(batch, socket, IOCP_CLOSED, socket->close_result, detail);
  close__free(socket);
}

/* ---- steps */

void close_step(struct socket* socket) {
  if (socket->close_phase == CLOSE_DRAINING) {
    if (close__drains(socket)) {
      if (socket->is_datagram && socket->family == IOCP_UNIX)
        close__discard_datagrams(socket);
      return;
    }
    if (close__send_fin(socket) == CLOSE_LINGERING)
      close__linger(socket);
    else
      close_reap(socket);
  }
  if (socket->close_phase == CLOSE_LINGERING && close__discard(socket))
    close_reap(socket);
  if (socket->close_phase == CLOSE_REAPING && engine_is_idle(socket))
    close__reaped(socket);
  if (socket->close_phase == CLOSE_DETACHED) close__end(socket, CLOSE_DETACHED);
}

void close_timed_out(struct socket* socket) {
  /* The last copy was sent, or one has failed, in this very poll. */
  if (socket->close_phase == CLOSE_DRAINING && !close__drains(socket)) {
    close_step(socket);
    return;
  }
  if (socket->close_phase == CLOSE_DRAINING) {
    if (socket->is_datagram) datagram_timed_out(socket);
    if (progress_continues(socket)) return;
    socket->close_result = -IOCP_ETIMEDOUT;
    socket->detail = 0;
    socket->close_reset = true;
  }
  close_reap(socket);
  close_step(socket);
}

/* ---- the beginning */

/* Makes the next poll report the pending connect and receive with `result`. */
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

/* Closes the accepted connections that were not reported yet. */
static void close__drop_deferred(struct socket* listener) {
  struct list_node* list = &listener->deferred;
  while (!list_is_empty(list))
    close_with_error(LIST_ENTRY(list->next, struct socket, deferred),
                     -IOCP_ECANCELED);
}

void close_begin(struct socket* socket, bool is_reset) {
  bool can_send =
      socket->state == SOCKET_DATAGRAM ||
      (socket->state == SOCKET_STREAM && socket->connect_result == 0);
  int32_t result = socket->close_result;
  close__cancel_pending(socket, result != 0 ? result : -IOCP_ECANCELED);
  if (socket->state == SOCKET_LISTENING) {
    close__drop_deferred(socket);
    if (!socket->is_borrowed) share_leave(socket);
  }
  if (socket->state == SOCKET_DEFERRED) socket_undefer(socket);
  timers_disarm(&socket->port->timers, socket);
  socket->awaits_first_byte = false;
  socket->state = SOCKET_CLOSING;
  socket->close_reset = is_reset;
  if (!can_send || is_reset) {
    close_reap(socket);
    return;
  }
  socket->close_phase = CLOSE_DRAINING;
  if (send_copy_first(socket) == NULL) return;
  progress_made(socket);
  progress_expect(socket);
}

void close_with_error(struct socket* socket, int32_t error) {
  socket->closed_itself = true;
  socket->close_result = error;
  socket->detail = 0;
  close_begin(socket, true);
  close_step(socket);
}

int32_t close_error(const struct socket* socket) {
  /* A part that has ended has no error. */
  bool has_error = socket->closed_itself && socket->close_result < 0;
  return has_error ? socket->close_result : -IOCP_EBADF;
}

/* Only a connection that works can be detached. Returns 0 or the error. */
static int32_t close__refuses_detach(const struct socket* socket) {
  if (socket->state == SOCKET_CLOSING) return close_error(socket);
  if (socket->state != SOCKET_STREAM || socket->connect_result != 0)
    return -IOCP_ENOTCONN;
  /* The system has ended the connection. */
  if (socket->fin_sent && socket->end_seen) return -IOCP_ENOTCONN;
  return socket->error;
}

int32_t close_socket(struct socket* socket,
                     uint32_t mode,
                     uint32_t timeout_ms) {
  if (mode == IOCP_DETACH) {
    int32_t result = close__refuses_detach(socket);
    /* Other refusals are the library's. */
    int32_t native = result == socket->error ? socket->error_native : 0;
    if (result < 0) return port_fail(socket->port, result, native);
  }
  socket->closed_itself = false;
  if (socket->state != SOCKET_CLOSING) {
    socket->close_detach = mode == IOCP_DETACH;
    socket->close_timeout_ms = timeout_ms;
    close_begin(socket, mode == IOCP_RESET);
  } else if (mode == IOCP_RESET && socket->close_phase < CLOSE_REAPING) {
    socket->close_reset = true;
    close_reap(socket);
  }
  close_step(socket);
  return 0;
}
