/* SPDX-License-Identifier: MIT */
#if !defined(_WIN32)
#include "local_file.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "local.h"

const char* local_text(const struct iocp_path* name) {
  static char text[IOCP_PATH_MAX + 1];
  memcpy(text, name->bytes, name->length);
  text[name->length] = 0;
  return text;
}

static socklen_t local__to_system(const struct iocp_path* name,
                                  struct sockaddr_un* system_out) {
  memset(system_out, 0, sizeof *system_out);
  system_out->sun_family = AF_UNIX;
  memcpy(system_out->sun_path, name->bytes, name->length);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name->length);
}

int local_raw_bound(const struct iocp_path* name, int type, int backlog) {
  struct sockaddr_un system;
  socklen_t length = local__to_system(name, &system);
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  check(fd >= 0);
  check_is(bind(fd, (struct sockaddr*)&system, length), 0);
  if (type == SOCK_STREAM) check_is(listen(fd, backlog), 0);
  return fd;
}

int local_raw_connect(const struct iocp_path* name) {
  struct sockaddr_un system;
  socklen_t length = local__to_system(name, &system);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  check(fd >= 0);
  if (connect(fd, (struct sockaddr*)&system, length) == 0) return fd;
  int native = errno;
  close(fd);
  return -native;
}

void local_make_stale(const struct iocp_path* name) {
  close(local_raw_bound(name, SOCK_STREAM, 1));
}

mode_t local_mode(const struct iocp_path* name) {
  struct stat status;
  return lstat(local_text(name), &status) == 0 ? status.st_mode : 0;
}

int32_t local_try_listen(struct drive* drive,
                         const struct iocp_path* name,
                         uint32_t flags,
                         uint32_t mode) {
  return iocp_listen_path(drive->port, name, 8, flags, mode, NULL, 0);
}

int32_t local_connect_result(struct drive* drive,
                             const struct iocp_path* name) {
  int32_t id = iocp_connect(drive->port, name, NULL);
  if (id < 0) return id;
  struct drive_socket* socket = drive_add(drive, id);
  socket->connect_pending = true;
  drive_until(drive, socket->connect_result != DRIVE_NOTHING);
  int32_t result = socket->connect_result;
  drive_close_now(socket);
  return result;
}

struct iocp_path local_open(struct drive* drive) {
  local_folder_make();
  drive_open(drive);
  return local_name(IOCP_UNIX);
}

void local_finish(struct drive* drive) {
  drive_finish(drive);
  local_folder_remove();
}
#endif
