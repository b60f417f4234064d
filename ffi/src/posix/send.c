/* SPDX-License-Identifier: MIT */
/* Sending. */
#include <errno.h>
#include <sys/socket.h>

#include "datagram_send.h"
#include "engine.h"
#include "errors.h"
#include "handle.h"
#include "send_copy.h"
#include "send_file.h"
#include "sender.h"

int32_t engine_send(struct socket* socket,
                    const void* buffer,
                    uint32_t length) {
  ssize_t count;
  do {
    count = send(socket->engine.fd, buffer, length, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count >= 0) return (int32_t)count;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return ENGINE_WOULD_BLOCK;
  return errors_fail_stream(socket);
}

/* Sends what is left of a copy, or a part of that. */
static int32_t send__some(struct send_copy* copy) {
  uint32_t offset = copy->offset;
  uint32_t left = copy->length - offset;
  if (copy->file == NULL)
    return engine_send(copy->socket, copy->bytes + offset, left);
  return send_file(copy->socket, copy->file, copy->file_offset + offset, left);
}

/* Returns false when the kernel has no room for the rest. */
static bool send__copy(struct send_copy* copy) {
  struct socket* socket = copy->socket;
  /* Bytes behind those that were lost would leave a gap in the stream. The
   * system may accept them: a lack of memory passes. */
  if (socket->error != 0) {
    sender_copy_done(copy, socket->error, socket->error_native);
    return true;
  }
  while (copy->offset < copy->length) {
    int32_t sent = send__some(copy);
    if (sent == ENGINE_WOULD_BLOCK) return false;
    if (sent < 0) {
      sender_copy_done(copy, sent, socket->port->native_error);
      return true;
    }
    sender_copy_progressed(copy, (uint32_t)sent);
  }
  sender_copy_done(copy, 0, 0);
  return true;
}

/* Called when the kernel's buffer is full, and at each edge that signals room
 * in it. */
void engine_send_copies(struct socket* socket) {
  struct send_copy* copy;
  if (socket->is_datagram) {
    datagram_send_copies(socket);
    return;
  }
  while ((copy = send_copy_first(socket)) != NULL)
    if (!send__copy(copy)) {
      handle_watch_room(socket);
      return;
    }
}

int32_t engine_shutdown(struct socket* socket) {
  if (shutdown(socket->engine.fd, SHUT_WR) == 0) return 0;
  if (errno == ENOTCONN) {
    /* The connection has ended; the socket's pending error has the reason. */
    int native = 0;
    socklen_t length = sizeof native;
    if (getsockopt(socket->engine.fd, SOL_SOCKET, SO_ERROR, &native, &length) <
        0)
      return errors_fail_stream(socket);
    /* No error: both directions have ended with FIN. This side sent its FIN
     * before the socket was adopted, since fin_sent is not set. */
    if (native == 0) return 0;
    errno = native;
  }
  return errors_fail_stream(socket);
}
