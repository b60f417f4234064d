/* SPDX-License-Identifier: MIT */
#include "sender.h"

#include "engine.h"
#include "progress.h"
#include "send_copy.h"

/* ---- sending */

/* Returns how many bytes the kernel accepts at once: none while earlier bytes
 * are still unsent. */
static int32_t sender__send_now(struct socket* socket,
                                const uint8_t* bytes,
                                uint32_t length) {
  if (send_copy_first(socket) != NULL) return 0;
  int32_t sent = engine_send(socket, bytes, length);
  if (sent == ENGINE_WOULD_BLOCK) return 0;
  if (sent < 0) return socket_fail(socket, sent, socket->port->native_error);
  socket_count_sent(socket, (uint32_t)sent);
  return sent;
}

/* True if the system has accepted the only copy at once, as it does on a pipe
 * with room, so that no completion is needed. */
static bool sender__was_sent(const struct send_copy* copy) {
  return copy->is_done && copy->result >= 0 &&
         copy->socket->send_copy_count == 1;
}

/* Returns 0, or why nothing can be sent now. */
static int32_t sender__refusal(const struct socket* socket) {
  struct port* port = socket->port;
  if (socket->error != 0)
    return port_fail(port, socket->error, socket->error_native);
  if (socket->fin_sent || socket->shut_wanted)
    return port_fail(port, -IOCP_EPIPE, 0);
  /* Unreported copies count as well: each send has one terminal completion. */
  if (socket->send_copy_count >= socket->send_concurrency)
    return port_fail(port, -IOCP_EBUSY, 0);
  return 0;
}

int32_t sender_send(struct socket* socket,
                    const uint8_t* buffer,
                    uint32_t offset,
                    uint32_t length) {
  struct port* port = socket->port;
  int32_t refusal = sender__refusal(socket);
  if (refusal < 0 || length == 0) return refusal;
  if (buffer == NULL) return port_fail(port, -IOCP_EFAULT, 0);

  const uint8_t* bytes = buffer + offset;
  socket->send_was_partial = length > IOCP_SEND_MAX;
  if (length > IOCP_SEND_MAX) length = IOCP_SEND_MAX;
  int32_t sent = sender__send_now(socket, bytes, length);
  if (sent < 0 || (uint32_t)sent == length) return sent;
  struct send_copy* copy =
      send_copy_new(socket, bytes + sent, length - (uint32_t)sent);
  if (copy == NULL) {
    socket->send_was_partial = true;
    return sent != 0 ? sent : port_fail(port, -IOCP_ENOMEM, 0);
  }
  engine_send_copies(socket);
  if (!sender__was_sent(copy)) return (int32_t)length | IOCP_PENDING;
  send_copy_free(copy);
  return (int32_t)length;
}

/* A copy of bytes that are read from the file now. Returns 0 or an error, which
 * is that of the stream, as if they had been lost on the way. */
static int32_t sender__read(struct socket* socket,
                            const struct file* file,
                            uint64_t offset,
                            uint32_t length,
                            struct send_copy** copy_out) {
  struct port* port = socket->port;
  struct send_copy* copy = send_copy_reserve(socket, length);
  if (copy == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  int32_t count =
      engine_read_file(port, &file->engine, offset, copy->bytes, length);
  if (count >= 0 && (uint32_t)count < length)
    count = port_fail(port, -IOCP_ENODATA, 0);
  *copy_out = copy;
  if (count >= 0) return 0;
  send_copy_withdraw(copy);
  return socket_fail(socket, count, port->native_error);
}

int32_t sender_send_file(struct socket* socket,
                         struct file* file,
                         uint64_t offset,
                         uint32_t length) {
  struct send_copy* copy;
  int32_t result = sender__refusal(socket);
  if (result < 0 || length == 0) return result;
  socket->send_was_partial = length > IOCP_SEND_MAX;
  if (length > IOCP_SEND_MAX) length = IOCP_SEND_MAX;
  if (engine_transmits_files(socket)) {
    copy = send_copy_of_file(socket, file, offset, length);
    if (copy == NULL) result = port_fail(socket->port, -IOCP_ENOMEM, 0);
  } else {
    result = sender__read(socket, file, offset, length, &copy);
  }
  if (result < 0) {
    socket->send_was_partial = true;
    return result;
  }
  engine_send_copies(socket);
  if (!sender__was_sent(copy)) return (int32_t)length | IOCP_PENDING;
  send_copy_free(copy);
  return (int32_t)length;
}

bool sender_report_sent(struct socket* socket, struct batch* batch) {
  struct send_copy* copy;
  while ((copy = send_copy_finished(socket)) != NULL) {
    if (batch_is_full(batch)) return true;
    batch_push(batch,
               socket,
               IOCP_SENT,
               copy->result,
               copy->result < 0 ? copy->native : 0);
    send_copy_free(copy);
  }
  return false;
}

/* ---- the end of the sending direction */

static void sender__shut(struct socket* socket) {
  socket->shut_result = socket->error;
  socket->detail = socket->error_native;
  /* This is set after an error too: otherwise a second shutdown would be
   * accepted, and both would share one completion. */
  socket->fin_sent = true;
  if (socket->error == 0) {
    socket->shut_result = engine_shutdown(socket);
    if (socket->shut_result < 0) {
      socket->detail = socket->port->native_error;
      socket->shut_result =
          socket_fail(socket, socket->shut_result, socket->detail);
    }
  }
  socket->shut_wanted = false;
  socket_ready(socket, READY_SHUT);
}

int32_t sender_shutdown(struct socket* socket) {
  /* A pipe has no half-close. */
  if (socket->family == IOCP_PIPE)
    return port_fail(socket->port, -IOCP_ENOTSUP, 0);
  if (socket->fin_sent || socket->shut_wanted)
    return port_fail(socket->port, -IOCP_EPIPE, 0);
  socket->shut_wanted = true;
  if (send_copy_first(socket) == NULL) sender__shut(socket);
  return 0;
}

void sender_abandon(struct socket* socket, int32_t error) {
  /* Those behind the first one that fails are lost, whatever the system has
   * reported for them. */
  for (struct send_copy* copy = send_copy_first(socket); copy != NULL;
       copy = send_copy_next(copy)) {
    copy->native = socket_detail(socket, error);
    if (copy->is_done)
      copy->result = error;
    else
      send_copy_finish(copy, error);
  }
  if (socket->shut_wanted) {
    socket->shut_result = error;
    socket->shut_wanted = false;
    socket_ready(socket, READY_SHUT);
  }
}

/* ---- what the engine reports */

void sender_copy_progressed(struct send_copy* copy, uint32_t bytes) {
  struct socket* socket = copy->socket;
  copy->offset += bytes;
  socket_count_sent(socket, bytes);
  /* Progress extends the deadline of a close that waits for it. */
  if (socket->close_phase == CLOSE_DRAINING) progress_expect(socket);
}

/* No send copy is left unfinished. */
static void sender__drained(struct socket* socket) {
  if (socket->shut_wanted) sender__shut(socket);
  if (socket->state == SOCKET_CLOSING) socket_ready(socket, READY_CLOSE);
}

void sender_copy_done(struct send_copy* copy, int32_t error, int32_t native) {
  struct socket* socket = copy->socket;
  int32_t result = (int32_t)copy->length;
  if (error < 0) {
    result = socket_fail(socket, error, native);
    socket->detail = socket->error_native;
    copy->native = socket->error_native;
    /* A graceful close that loses bytes reports the error as well. */
    if (socket->state == SOCKET_CLOSING) socket->close_result = result;
  }
  send_copy_finish(copy, result);
  if (send_copy_first(socket) == NULL) sender__drained(socket);
}
