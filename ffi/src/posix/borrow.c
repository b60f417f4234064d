/* SPDX-License-Identifier: MIT */
#include "borrow.h"

#include <errno.h>
#include <sys/socket.h>

#include "engine.h"
#include "errors.h"
#include "handle.h"
#include "identity.h"

/* Returns the value of an option of SOL_SOCKET, or -1 with errno. */
static int borrow__option(int fd, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &length) < 0 ? -1 : value;
}

static int32_t borrow__check(int fd, bool is_listener) {
  struct sockaddr_storage peer;
  socklen_t length = sizeof peer;
  int type = borrow__option(fd, SO_TYPE);
  if (type < 0) return errno == EBADF ? -IOCP_ENOTSOCK : errors_of(errno);
  if (type != SOCK_STREAM) return is_listener ? -IOCP_EINVAL : -IOCP_ENOTCONN;
  if (!is_listener)
    return getpeername(fd, (struct sockaddr*)&peer, &length) == 0
               ? 0
               : errors_of(errno);
  int listens = borrow__option(fd, SO_ACCEPTCONN);
  if (listens < 0) return errors_of(errno);
  return listens == 1 ? 0 : -IOCP_EINVAL;
}

int32_t engine_borrow(struct borrow* borrow,
                      struct port* port,
                      bool is_listener) {
  (void)port;
  int fd = borrow->handle;
  int32_t result = borrow__check(fd, is_listener);
  if (result < 0) return result;
  if (handle_is_claimed(fd)) return -IOCP_EEXIST;
  if (!identity_of(fd, &borrow->identity) || !handle_claim(fd))
    return errors_of(errno);
  return 0;
}

int32_t engine_borrow_enter(struct socket* socket) {
  struct sockaddr_storage local;
  socklen_t length = sizeof local;
  socket->engine.fd = socket->borrow.handle;
  int32_t result = engine_check_handle(socket);
  if (result < 0) return result;
  if (getsockname(socket->engine.fd, (struct sockaddr*)&local, &length) < 0)
    return errors_fail(socket->port);
  socket->family = local.ss_family == AF_UNIX    ? IOCP_UNIX
                   : local.ss_family == AF_INET6 ? IOCP_IPV6
                                                 : IOCP_IPV4;
  return handle_enter(socket);
}

iocp_os_socket engine_release_accepted(struct socket* accepted) {
  int fd = accepted->engine.fd;
  accepted->engine.fd = -1;
  return fd;
}

void borrow_cancel(struct socket* socket) {
  /* Another file that has the number now may be in the queue as well. */
  if (socket->engine.fd < 0 || engine_check_handle(socket) < 0) return;
  handle_leave(socket);
}

void borrow_return(struct socket* socket) { socket->engine.fd = -1; }
