/* SPDX-License-Identifier: MIT */
/* Moving bytes. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "borrow.h"
#include "engine.h"
#include "errors.h"
#include "kept.h"
#include "stream.h"

/* True when this side has sent its end, which may have been before the socket
 * was the library's. */
static bool transfer__has_ended(const struct socket* socket) {
  struct tcp_info info;
  socklen_t length = sizeof info;
  if (socket->fin_sent) return true;
  if (getsockopt(socket->engine.fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
    return false;
  switch (info.tcpi_state) {
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
      return true;
    default:
      return false;
  }
}

/* A reset is EPIPE here when the peer had sent its end before, and for each
 * send after the first that fails (tcp_reset() and sk_stream_wait_connect() in
 * the kernel). */
static int32_t transfer__fail(struct socket* socket) {
  if (errno == EPIPE && !transfer__has_ended(socket)) errno = ECONNRESET;
  return errors_fail(socket->port);
}

void engine_arm_receive(struct socket* socket, uint32_t bytes) {
  /* The next edge comes by itself. */
  (void)socket;
  (void)bytes;
}

bool engine_has_data(struct socket* socket) {
  struct pollfd entry = {.fd = socket->engine.fd, .events = POLLIN};
  return poll(&entry, 1, 0) > 0;
}

int32_t engine_take(struct socket* socket,
                    void* buffer,
                    uint32_t length,
                    bool* more_out) {
  struct engine_socket* engine = &socket->engine;
  *more_out = false;
  if (!engine->readable || socket->posted_only) return ENGINE_WOULD_BLOCK;
  if (socket->is_borrowed && engine_is_lost(socket))
    return port_fail(socket->port, -IOCP_ECANCELED, 0);
  ssize_t count;
  do {
    /* A borrowed one may be a blocking one. */
    count = recv(engine->fd, buffer, length, MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK) return transfer__fail(socket);
    engine->readable = false;
    return ENGINE_WOULD_BLOCK;
  }
  /* A short receive has emptied the queue, and what comes later gives a new
   * edge (epoll(7)). An end or error that had its edge already does not. */
  if ((uint32_t)count < length && !engine->hung_up) engine->readable = false;
  *more_out = engine->readable;
  return (int32_t)count;
}

int32_t engine_send(struct socket* socket,
                    const void* buffer,
                    uint32_t length) {
  ssize_t count;
  do {
    count = send(socket->engine.fd, buffer, length, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count >= 0) return (int32_t)count;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return ENGINE_WOULD_BLOCK;
  return transfer__fail(socket);
}

/* Returns true when all of it has left. */
static bool transfer__send_kept(struct kept* kept) {
  struct socket* socket = kept->socket;
  while (kept->offset < kept->length) {
    int32_t sent = engine_send(
        socket, kept->bytes + kept->offset, kept->length - kept->offset);
    if (sent == ENGINE_WOULD_BLOCK) return false;
    if (sent < 0) {
      stream_kept_done(kept, sent, socket->port->native_error);
      return true;
    }
    stream_kept_moved(kept, (uint32_t)sent);
  }
  stream_kept_done(kept, 0, 0);
  return true;
}

/* Called when bytes are kept, which is when the kernel's buffer is full, and at
 * each edge that says it has room. */
void engine_send_kept(struct socket* socket) {
  struct kept* kept;
  while ((kept = kept_first(socket)) != NULL)
    if (!transfer__send_kept(kept)) return;
}

bool engine_acknowledged(struct socket* socket, uint64_t* bytes_out) {
  int queued = 0;
  /* What is sent and not acknowledged, or not even sent (tcp(7), SIOCOUTQ). */
  if (ioctl(socket->engine.fd, TIOCOUTQ, &queued) < 0) return false;
  *bytes_out = socket->stats.bytes_sent - (uint64_t)queued;
  return true;
}

int32_t engine_shutdown(struct socket* socket) {
  if (shutdown(socket->engine.fd, SHUT_WR) == 0) return 0;
  if (errno == ENOTCONN) {
    /* There is no connection any more. Its error says why. */
    int native = 0;
    socklen_t length = sizeof native;
    getsockopt(socket->engine.fd, SOL_SOCKET, SO_ERROR, &native, &length);
    /* Without one, both directions had ended in order: this one did so before
     * the socket was adopted, since afterwards the library would know. */
    if (native == 0) return 0;
    errno = native;
  }
  return transfer__fail(socket);
}
