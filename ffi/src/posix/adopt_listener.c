/* SPDX-License-Identifier: MIT */
/* Listening sockets that were made elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "address.h"
#include "engine.h"
#include "errors.h"
#include "handle.h"

static int adopt_listener__option(int fd, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &length) < 0 ? -1 : value;
}

/* Sets the family of the socket. Returns 0 or an error. */
static int32_t adopt_listener__check(struct socket* socket, int fd) {
  struct port* port = socket->port;
  struct sockaddr_storage local;
  struct iocp_address address;
  socklen_t length = sizeof local;
  int type = adopt_listener__option(fd, SO_TYPE);
  if (type < 0)
    return errno == EBADF ? port_fail(port, -IOCP_ENOTSOCK, errno)
                          : errors_fail(port);
  if (type != SOCK_STREAM) return port_fail(port, -IOCP_EINVAL, 0);
  int listens = adopt_listener__option(fd, SO_ACCEPTCONN);
  if (listens < 0) return errors_fail(port);
  if (listens != 1) return port_fail(port, -IOCP_EINVAL, 0);
  if (getsockname(fd, (struct sockaddr*)&local, &length) < 0)
    return errors_fail(port);
  if (local.ss_family == AF_UNIX)
    socket->family = IOCP_UNIX;
  else if (address_from_system(&local, &address))
    socket->family = (uint8_t)address.family;
  else
    return port_fail(port, -IOCP_EAFNOSUPPORT, 0);
  return 0;
}

int32_t engine_adopt_listener(struct socket* socket,
                              double os_socket,
                              uint32_t flags) {
  struct port* port = socket->port;
  (void)flags;
  int fd;
  if (!handle_of_number(os_socket, &fd))
    return port_fail(port, -IOCP_EINVAL, 0);
  int32_t result = adopt_listener__check(socket, fd);
  if (result < 0) return result;
  if (handle_is_claimed_listener(fd))
    return port_fail(port, -IOCP_EEXIST, EEXIST);
  int status = fcntl(fd, F_GETFL);
  if (status < 0) return errors_fail(port);
  socket->engine.fd = fd;
  socket->is_listener = true;
  result = handle_enter(socket);
  if (result < 0) return result;
  /* Last, so that a refused handle is unchanged. None of these fails on an open
   * descriptor. Connections inherit the option, as in engine_listen(). */
  if (socket->sets_no_delay && !socket_is_local(socket)) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  fcntl(fd, F_SETFL, status | O_NONBLOCK);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  socket->engine.is_claimed = handle_claim_listener(fd);
  return 0;
}
