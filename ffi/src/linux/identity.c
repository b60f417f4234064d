/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "errors.h"
#include "socket.h"

/* Each socket has an inode of its own. */
bool identity_of(int fd, struct engine_identity* identity_out) {
  struct stat status;
  /* Before glibc 2.33 the shared library exported no fstat(), and other libcs
   * lack the symbol that was called instead (__fxstat()). */
  if (syscall(SYS_fstat, fd, &status) < 0) return false;
  identity_out->device = status.st_dev;
  identity_out->inode = status.st_ino;
  return true;
}

bool identity_of_socket_file(int folder,
                             const char* name,
                             struct engine_identity* identity_out) {
  struct stat status;
  if (syscall(SYS_newfstatat, folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return false;
  identity_out->device = status.st_dev;
  identity_out->inode = status.st_ino;
  if (S_ISSOCK(status.st_mode)) return true;
  errno = EADDRINUSE;
  return false;
}

int32_t engine_check_handle(const struct socket* socket) {
  const struct engine_identity* was = &socket->borrow.identity;
  struct engine_identity now;
  if (!identity_of(socket->borrow.handle, &now))
    return errno == EBADF ? -IOCP_ECANCELED : errors_of(errno);
  return now.inode == was->inode && now.device == was->device ? 0
                                                              : -IOCP_ECANCELED;
}
