/* SPDX-License-Identifier: MIT */
/* Accepting connections. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "address.h"
#include "engine.h"
#include "errors.h"
#include "handle.h"

void engine_post_accepts(struct socket* listener) {
  /* The edge for connections that arrived while the target was 0 is past, so
   * they are reported now. */
  if (listener->accept_target != 0 && listener->engine.readable)
    socket_ready(listener, READY_ACCEPT);
}

void engine_stop_accepts(struct socket* listener) {
  /* None is posted. The socket file is the other process's from here on. */
  if (socket_is_local(listener) && listener->path != NULL)
    listener->path->engine.has_file = false;
}

/* A borrowed listener may be a blocking one, and accept() has no flag against
 * blocking, so such a listener is polled first. Returns 1, 0 when there is
 * nothing to accept, or -1 with errno. */
static int accept__would_return(const struct socket* listener) {
  struct pollfd entry = {.fd = listener->engine.fd, .events = POLLIN};
  if (!listener->is_borrowed) return 1;
  int count = poll(&entry, 1, 0);
  /* A signal ends a poll only when nothing is ready (do_poll() in the kernel).
   */
  return count < 0 && errno == EINTR ? 0 : count;
}

int32_t engine_accept_next(struct socket* listener, struct socket* accepted) {
  struct port* port = listener->port;
  if (!listener->engine.readable || listener->accept_target == 0)
    return ENGINE_WOULD_BLOCK;
  int32_t checked = listener->is_borrowed ? engine_check_handle(listener) : 0;
  if (checked < 0) return port_fail(port, checked, 0);
  int would_return = accept__would_return(listener);
  if (would_return < 0) return errors_fail(port);
  if (would_return == 0) {
    listener->engine.readable = false;
    return ENGINE_WOULD_BLOCK;
  }
  struct sockaddr_storage peer;
  socklen_t length;
  int fd = handle_accept(
      listener->engine.fd, &peer, &length, !listener->is_borrowed);
  if (fd < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      listener->engine.readable = false;
      return ENGINE_WOULD_BLOCK;
    }
    if (errors_is_of_accepted(errno)) return -IOCP_ECONNABORTED;
    return errors_fail(port);
  }
  accepted->engine.fd = fd;
  /* A name is queried when it is asked for. */
  if (!socket_is_local(listener)) address_from_system(&peer, &accepted->peer);
  accepted->family = listener->family;
  /* The caller's own socket, or one for another port: it is on none. */
  if (listener->is_borrowed || listener->hands_out) return 0;
  int32_t result = handle_enter(accepted);
  if (result < 0) close(fd);
  return result;
}

void engine_open_part(struct socket* part) { part->engine.fd = -1; }

void engine_reset_handle(iocp_os_socket handle) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(handle, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(handle);
}
