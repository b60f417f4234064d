/* SPDX-License-Identifier: MIT */
#include "borrow.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine.h"
#include "epoll.h"
#include "errors.h"
#include "handle.h"

static bool borrow__identify(int fd, struct engine_identity* identity_out) {
  struct stat status;
  /* Before glibc 2.33, fstat() was no function of the shared library, and what
   * programs had in its place not every libc has. */
  if (syscall(SYS_fstat, fd, &status) < 0) return false;
  identity_out->device = status.st_dev;
  identity_out->inode = status.st_ino;
  return true;
}

/* What an option of the socket is, or -1 with errno. */
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
  if (is_listener)
    return type == SOCK_STREAM && borrow__option(fd, SO_ACCEPTCONN) == 1
               ? 0
               : -IOCP_EINVAL;
  return type == SOCK_STREAM &&
                 getpeername(fd, (struct sockaddr*)&peer, &length) == 0
             ? 0
             : -IOCP_ENOTCONN;
}

int32_t engine_borrow(struct borrow* borrow,
                      struct port* port,
                      bool is_listener) {
  (void)port;
  int fd = borrow->handle;
  int32_t result = borrow__check(fd, is_listener);
  if (result < 0) return result;
  if (fcntl(fd, F_GETSIG) == HANDLE_ADOPTED) return -IOCP_EEXIST;
  if (!borrow__identify(fd, &borrow->identity) ||
      fcntl(fd, F_SETSIG, HANDLE_ADOPTED) < 0)
    return errors_of(errno);
  return 0;
}

bool engine_is_lost(const struct socket* socket) {
  const struct engine_identity* was = &socket->borrow.identity;
  struct engine_identity is;
  return !borrow__identify(socket->borrow.handle, &is) ||
         is.inode != was->inode || is.device != was->device;
}

int32_t engine_borrow_enter(struct socket* socket) {
  struct sockaddr_storage local;
  socklen_t length = sizeof local;
  socket->engine.fd = socket->borrow.handle;
  if (engine_is_lost(socket)) return -IOCP_ECANCELED;
  if (getsockname(socket->engine.fd, (struct sockaddr*)&local, &length) < 0)
    return errors_fail(socket->port);
  socket->family = local.ss_family == AF_INET6 ? 6 : 4;
  return epoll_enter(socket);
}

iocp_os_socket engine_take_handle(struct socket* accepted) {
  int fd = accepted->engine.fd;
  accepted->engine.fd = -1;
  return fd;
}

void borrow_cancel(struct socket* socket) {
  struct epoll_event unused;
  /* Another file that has the number now may be in the instance as well. */
  if (socket->engine.fd < 0 || engine_is_lost(socket)) return;
  epoll_ctl(
      socket->port->engine.epoll_fd, EPOLL_CTL_DEL, socket->engine.fd, &unused);
}

void borrow_return(struct socket* socket) { socket->engine.fd = -1; }
