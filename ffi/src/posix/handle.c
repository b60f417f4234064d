/* SPDX-License-Identifier: MIT */
/* Adopting descriptors, and asking about them. */
#include "handle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "address.h"
#include "datagram_loss.h"
#include "engine.h"
#include "errors.h"

bool handle_of_number(double number, int* fd_out) {
  if (!(number >= 0 && number <= INT32_MAX)) return false;
  *fd_out = (int)number;
  return number == (double)*fd_out;
}

int32_t engine_adopt(struct socket* socket, double os_socket, uint32_t flags) {
  struct port* port = socket->port;
  (void)flags;
  int fd;
  if (!handle_of_number(os_socket, &fd))
    return port_fail(port, -IOCP_EINVAL, 0);
  int type = 0;
  socklen_t length = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0)
    return errno == EBADF ? port_fail(port, -IOCP_ENOTSOCK, errno)
                          : errors_fail(port);
  struct sockaddr_storage peer;
  length = sizeof peer;
  if (type != SOCK_STREAM) return port_fail(port, -IOCP_ENOTCONN, 0);
  if (getpeername(fd, (struct sockaddr*)&peer, &length) < 0)
    return errors_fail(port);
  if (handle_is_claimed(fd)) return port_fail(port, -IOCP_EEXIST, EEXIST);
  /* The API has no address for other families. */
  bool is_unix = peer.ss_family == AF_UNIX;
  if (!is_unix && !address_from_system(&peer, &socket->peer))
    return port_fail(port, -IOCP_ENOTCONN, 0);
  int status = fcntl(fd, F_GETFL);
  if (status < 0) return errors_fail(port);
  socket->engine.fd = fd;
  socket->family = is_unix ? IOCP_UNIX : (uint8_t)socket->peer.family;
  int32_t result = handle_enter(socket);
  if (result < 0) return result;
  /* Last, so that a refused handle is unchanged. None of these fails on an open
   * descriptor. */
  fcntl(fd, F_SETFL, status | O_NONBLOCK);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  handle_claim(fd);
  return 0;
}

int32_t engine_get_address(struct socket* socket,
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

void engine_count_posted(const struct socket* socket,
                         struct iocp_stats* stats) {
  /* Nothing is posted. */
  (void)socket, (void)stats;
}

void engine_stats(struct socket* socket, struct iocp_socket_stats* stats) {
  int readable = 0;
  /* Nothing is posted, so the counter shows what was asked for. */
  if (socket->is_listener) stats->accepts_posted = socket->accept_target;
  if (socket->is_listener || socket->engine.fd < 0) return;
  if (socket->is_datagram) datagram_loss_count(socket);
  if (ioctl(socket->engine.fd, FIONREAD, &readable) == 0)
    stats->bytes_readable = readable;
}
