/* SPDX-License-Identifier: MIT */
/* Socket handles: made, adopted, asked, closed. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "epoll.h"
#include "errors.h"
#include "handle.h"

int handle_open(int family) {
  return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* epoll refuses a second entry in the same port only, so an adopted socket gets
 * a mark that all ports see: the signal that its file would send if it were
 * ever told to send one. On Windows the file has such a mark by itself. */
#define HANDLE__ADOPTED SIGURG

int32_t engine_adopt(struct socket* socket, double os_socket) {
  struct port* port = socket->port;
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
  if (fcntl(fd, F_GETSIG) == HANDLE__ADOPTED)
    return port_fail(port, -IOCP_EEXIST, EEXIST);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
      fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
    return errors_fail(port);
  socket->engine.fd = fd;
  socket->family = peer.ss_family == AF_INET6 ? 6 : 4;
  int32_t result = epoll_enter(socket);
  if (result >= 0) fcntl(fd, F_SETSIG, HANDLE__ADOPTED);
  return result;
}

void engine_cancel(struct socket* socket) {
  if (!socket->is_listener || socket->engine.fd < 0) return;
  close(socket->engine.fd);
  socket->engine.fd = -1;
}

bool engine_is_idle(const struct socket* socket) {
  (void)socket;
  return true;
}

void engine_close_socket(struct socket* socket, bool reset) {
  if (socket->engine.fd < 0) return;
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  if (reset)
    setsockopt(
        socket->engine.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  /* Never repeated after EINTR: Linux has let go of the number by then. */
  close(socket->engine.fd);
  socket->engine.fd = -1;
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

struct handle__option {
  int level;
  int name;
};

static bool handle__option_of(uint32_t option,
                              struct handle__option* option_out) {
  switch (option) {
    case IOCP_NO_DELAY:
      *option_out = (struct handle__option){IPPROTO_TCP, TCP_NODELAY};
      return true;
    case IOCP_KEEP_ALIVE:
      *option_out = (struct handle__option){SOL_SOCKET, SO_KEEPALIVE};
      return true;
    default:
      return false;
  }
}

int32_t engine_set_option(struct socket* socket,
                          uint32_t option,
                          int32_t value) {
  struct handle__option system;
  if (!handle__option_of(option, &system) || value < 0 || value > 1)
    return port_fail(socket->port, -IOCP_EINVAL, 0);
  if (setsockopt(
          socket->engine.fd, system.level, system.name, &value, sizeof value) ==
      0)
    return 0;
  return errors_fail(socket->port);
}

int32_t engine_get_option(struct socket* socket, uint32_t option) {
  struct handle__option system;
  int value = 0;
  socklen_t length = sizeof value;
  if (!handle__option_of(option, &system))
    return port_fail(socket->port, -IOCP_EINVAL, 0);
  if (getsockopt(
          socket->engine.fd, system.level, system.name, &value, &length) == 0)
    return value != 0;
  return errors_fail(socket->port);
}
