/* SPDX-License-Identifier: MIT */
/* Socket handles: made, adopted, asked, closed. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "borrow.h"
#include "epoll.h"
#include "errors.h"
#include "handle.h"

int handle_open(int family) {
  return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int32_t engine_adopt(struct socket* socket, double os_socket, uint32_t flags) {
  struct port* port = socket->port;
  (void)flags;
  if (!(os_socket >= 0 && os_socket <= INT32_MAX) ||
      os_socket != (double)(int)os_socket)
    return port_fail(port, -IOCP_EINVAL, 0);
  int fd = (int)os_socket;
  int type = 0;
  socklen_t length = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0)
    return errno == EBADF ? port_fail(port, -IOCP_ENOTSOCK, errno)
                          : errors_fail(port);
  struct sockaddr_storage peer;
  length = sizeof peer;
  if (type != SOCK_STREAM ||
      getpeername(fd, (struct sockaddr*)&peer, &length) < 0)
    return port_fail(port, -IOCP_ENOTCONN, type == SOCK_STREAM ? errno : 0);
  if (fcntl(fd, F_GETSIG) == HANDLE_ADOPTED)
    return port_fail(port, -IOCP_EEXIST, EEXIST);
  /* A family that the API has no address for has none that could be told. */
  if (!address_from_system(&peer, &socket->peer))
    return port_fail(port, -IOCP_ENOTCONN, 0);
  int status = fcntl(fd, F_GETFL);
  if (status < 0) return errors_fail(port);
  socket->engine.fd = fd;
  socket->family = (uint8_t)socket->peer.family;
  int32_t result = epoll_enter(socket);
  if (result < 0) return result;
  /* Changed last: a handle that is refused stays as its owner has it. Of a
   * descriptor that is open, none of these fails. */
  fcntl(fd, F_SETFL, status | O_NONBLOCK);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETSIG, HANDLE_ADOPTED);
  return 0;
}

void engine_cancel(struct socket* socket) {
  if (socket->is_borrowed) {
    borrow_cancel(socket);
    return;
  }
  if (!socket->is_listener || socket->engine.fd < 0) return;
  close(socket->engine.fd);
  socket->engine.fd = -1;
}

bool engine_is_idle(const struct socket* socket) {
  (void)socket;
  return true;
}

void engine_close_socket(struct socket* socket, bool reset) {
  if (socket->is_borrowed) borrow_return(socket);
  if (socket->engine.fd < 0) return;
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  if (reset)
    setsockopt(
        socket->engine.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  /* Never repeated after EINTR: Linux has let go of the number by then. */
  close(socket->engine.fd);
  socket->engine.fd = -1;
}

uint32_t engine_release(struct socket* socket) {
  int fd = socket->engine.fd;
  epoll_ctl(socket->port->engine.epoll_fd, EPOLL_CTL_DEL, fd, NULL);
  fcntl(fd, F_SETSIG, 0);
  socket->engine.fd = -1;
  return (uint32_t)fd;
}

void engine_count_posted(const struct socket* socket,
                         struct iocp_stats* stats) {
  /* Nothing is posted. */
  (void)socket, (void)stats;
}

void engine_stats(struct socket* socket, struct iocp_socket_stats* stats) {
  int readable = 0;
  /* What users see as posted is what they have asked for. */
  if (socket->is_listener) stats->accepts_posted = socket->accept_target;
  if (socket->is_listener || socket->engine.fd < 0) return;
  if (ioctl(socket->engine.fd, FIONREAD, &readable) == 0)
    stats->bytes_readable = readable;
}

int32_t engine_name(struct socket* socket,
                    uint32_t end,
                    struct iocp_address* address_out) {
  struct sockaddr_storage system;
  socklen_t length = sizeof system;
  int fd = socket->engine.fd;
  int failed = end == IOCP_PEER
                   ? getpeername(fd, (struct sockaddr*)&system, &length)
                   : getsockname(fd, (struct sockaddr*)&system, &length);
  if (failed) return errors_fail(socket->port);
  if (address_from_system(&system, address_out)) return 0;
  return port_fail(socket->port, -IOCP_EAFNOSUPPORT, 0);
}
