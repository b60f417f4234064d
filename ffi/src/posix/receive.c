/* SPDX-License-Identifier: MIT */
/* Receiving. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "engine.h"
#include "errors.h"

void engine_arm_receive(struct socket* socket, uint32_t bytes) {
  /* The next edge comes by itself. */
  (void)socket;
  (void)bytes;
}

int engine_has_data(struct socket* socket) {
  struct pollfd entry = {.fd = socket->engine.fd, .events = POLLIN};
  int count = poll(&entry, 1, 0);
  /* A signal ends a poll only when nothing is ready (do_poll() in the kernel).
   */
  return count < 0 && errno == EINTR ? 0 : count;
}

/* A receive from a unix socket ends at a message with descriptors or
 * credentials, even if there is more data (unix(7), SCM_RIGHTS). They are
 * dropped, and `is_cut_out` is set. */
static ssize_t receive__from_unix(int fd,
                                  void* buffer,
                                  uint32_t length,
                                  bool* is_cut_out) {
  struct iovec part = {.iov_base = buffer, .iov_len = length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  ssize_t count = recvmsg(fd, &message, MSG_DONTWAIT);
  *is_cut_out = (message.msg_flags & MSG_CTRUNC) != 0;
  return count;
}

int32_t engine_receive(struct socket* socket,
                       void* buffer,
                       uint32_t length,
                       bool* more_out) {
  struct engine_socket* engine = &socket->engine;
  *more_out = false;
  if (!engine->readable || socket->posted_only) return ENGINE_WOULD_BLOCK;
  int32_t result = socket->is_borrowed ? engine_check_handle(socket) : 0;
  if (result < 0) return port_fail(socket->port, result, 0);
  bool is_unix = socket_is_local(socket);
  bool is_cut = false;
  ssize_t count;
  do {
    /* A borrowed handle may be a blocking one. */
    count = is_unix ? receive__from_unix(engine->fd, buffer, length, &is_cut)
                    : recv(engine->fd, buffer, length, MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      return errors_fail_stream(socket);
    engine->readable = false;
    return ENGINE_WOULD_BLOCK;
  }
  /* A short receive has emptied the buffer of the kernel, and new data causes a
   * new edge (epoll(7)). An end or error whose edge has come causes no further
   * one. */
  if ((uint32_t)count < length && !is_cut && !engine->hung_up)
    engine->readable = false;
  *more_out = engine->readable;
  return (int32_t)count;
}
