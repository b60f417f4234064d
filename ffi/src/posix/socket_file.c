/* SPDX-License-Identifier: MIT */
#include "socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "errors.h"
#include "handle.h"
#include "identity.h"

#define SOCKET_FILE__LOCK_MS 100

/* The last part of the path, which is a name in its folder. A zero byte follows
 * the path (path.h). */
static const char* socket_file__base(const struct path* path) {
  const struct iocp_path* name = &path->name;
  size_t at = name->length;
  while (at > 0 && name->bytes[at - 1] != '/') at--;
  return (const char*)name->bytes + at;
}

/* Returns a descriptor of the folder or -1 with errno. A file can be made in a
 * folder that cannot be read, and such a folder cannot be locked. */
static int socket_file__open_folder(const struct path* path, bool locks) {
  char folder[sizeof((struct sockaddr_un*)0)->sun_path + 1] = ".";
  size_t length =
      (size_t)(socket_file__base(path) - (const char*)path->name.bytes);
  if (length != 0) {
    memcpy(folder, path->name.bytes, length);
    folder[length] = 0;
  }
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0 || errno != EACCES || locks) return fd;
  return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* ---- the lock of the folder
 *
 * A socket that is bound refuses connections until it listens, so it looks like
 * one that is left over. Listeners that replace such files therefore exclude
 * all others of the library in the folder from the first bind() to the
 * listen(). */

/* Returns false, with errno, if other processes have held it all the time. */
static bool socket_file__lock(int folder, bool is_exclusive) {
  int operation = (is_exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
  const struct timespec pause = {.tv_nsec = 1000000};
  for (int i = 0; flock(folder, operation) < 0; i++) {
    /* EINTR does not come with LOCK_NB. */
    if (errno != EWOULDBLOCK || i == SOCKET_FILE__LOCK_MS) return false;
    nanosleep(&pause, NULL);
  }
  return true;
}

/* ---- files that are left over */

/* True if no socket that listens is bound to the file. It is not removed for
 * any other answer: EAGAIN means that the backlog is full, and EPROTOTYPE that
 * the socket is of another type. */
static bool socket_file__refuses(const struct sockaddr_un* system,
                                 socklen_t length) {
  int fd = handle_open(AF_UNIX);
  if (fd < 0) return false;
  bool refuses = connect(fd, (const struct sockaddr*)system, length) < 0 &&
                 errno == ECONNREFUSED;
  close(fd);
  return refuses;
}

/* Removes the file if it is a socket that refuses connections. */
static bool socket_file__remove_stale(const struct path* path,
                                      const struct sockaddr_un* system,
                                      socklen_t length) {
  int folder = path->engine.folder;
  const char* base = socket_file__base(path);
  struct engine_identity was, is;
  /* A file of another kind refuses connections as well (unix_find_bsd() in the
   * kernel). */
  if (!identity_of_socket_file(folder, base, &was) ||
      !socket_file__refuses(system, length) ||
      !identity_of_socket_file(folder, base, &is) || was.inode != is.inode ||
      was.device != is.device)
    return false;
  return unlinkat(folder, base, 0) == 0;
}

/* ---- making the file */

static int32_t socket_file__fail(struct socket* listener) {
  int native = errno;
  return port_fail(listener->port, errors_of_path(native), native);
}

static bool socket_file__bind(struct socket* listener,
                              const struct sockaddr_un* system,
                              socklen_t length,
                              bool replaces) {
  const struct sockaddr* address = (const struct sockaddr*)system;
  int fd = listener->engine.fd;
  if (bind(fd, address, length) == 0) return true;
  if (errno != EADDRINUSE || !replaces) return false;
  bool is_free = socket_file__remove_stale(listener->path, system, length);
  errno = EADDRINUSE;
  return is_free && bind(fd, address, length) == 0;
}

/* The kernel gives the file the mode of the socket without the bits of the
 * umask (unix_bind_bsd()), so no bit is set that `mode` lacks, and this adds
 * what is missing. chmod() would follow a symbolic link that has taken the
 * place of the file. */
static bool socket_file__add_mode(const struct path* path, mode_t mode) {
  char link[32];
  int file = openat(path->engine.folder,
                    socket_file__base(path),
                    O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return false;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  bool is_done = chmod(link, mode) == 0;
  int native = errno;
  close(file);
  errno = native;
  return is_done;
}

/* The file exists. Nothing can connect before listen(). */
static bool socket_file__start(struct socket* listener, uint32_t mode) {
  struct path* path = listener->path;
  struct engine_path* engine = &path->engine;
  if (!identity_of_socket_file(
          engine->folder, socket_file__base(path), &engine->file))
    return false;
  engine->has_file = true;
  if (mode != IOCP_MODE_DEFAULT && !socket_file__add_mode(path, mode))
    return false;
  return listen(listener->engine.fd, (int)listener->backlog) == 0;
}

static int32_t socket_file__make(struct socket* listener,
                                 const struct sockaddr_un* system,
                                 socklen_t length,
                                 const struct path_access* access) {
  bool replaces = (access->flags & IOCP_REPLACE_STALE) != 0;
  int folder = listener->path->engine.folder;
  bool is_locked = socket_file__lock(folder, replaces);
  /* Without the lock a file is made all the same, but none is removed. */
  if (!is_locked && replaces)
    return errno == EWOULDBLOCK
               ? port_fail(listener->port, -IOCP_EBUSY, EWOULDBLOCK)
               : socket_file__fail(listener);
  int32_t result = 0;
  if ((access->mode != IOCP_MODE_DEFAULT &&
       fchmod(listener->engine.fd, (mode_t)access->mode) < 0) ||
      !socket_file__bind(listener, system, length, replaces) ||
      !socket_file__start(listener, access->mode))
    result = socket_file__fail(listener);
  if (is_locked) flock(folder, LOCK_UN);
  return result < 0 ? result : handle_enter(listener);
}

int32_t socket_file_listen(struct socket* listener,
                           const struct sockaddr_un* system,
                           socklen_t length,
                           const struct path_access* access) {
  struct engine_path* engine = &listener->path->engine;
  bool replaces = (access->flags & IOCP_REPLACE_STALE) != 0;
  engine->folder = socket_file__open_folder(listener->path, replaces);
  if (engine->folder < 0) return socket_file__fail(listener);
  engine->has_folder = true;
  int32_t result = socket_file__make(listener, system, length, access);
  if (result < 0) socket_file_remove(listener);
  return result;
}

void socket_file_remove(struct socket* listener) {
  struct path* path = listener->path;
  /* Without a path, the file is that of the process that made the listener;
   * without a folder, there is none. */
  if (path == NULL || !path->engine.has_folder) return;
  struct engine_path* engine = &path->engine;
  const char* base = socket_file__base(path);
  struct engine_identity now;
  if (engine->has_file && identity_of_socket_file(engine->folder, base, &now) &&
      now.inode == engine->file.inode && now.device == engine->file.device)
    unlinkat(engine->folder, base, 0);
  close(engine->folder);
  engine->has_folder = false;
}
