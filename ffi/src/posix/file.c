/* SPDX-License-Identifier: MIT */
/* Opening and reading files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"
#include "errors.h"
#include "memory.h"
#include "send_file.h"

static int32_t file__fail(struct port* port, int native) {
  /* A socket or a device without a driver (open(2)). */
  int32_t result = native == ENXIO || native == ENODEV ? -IOCP_ESPIPE
                                                       : errors_of_path(native);
  return port_fail(port, result, native);
}

/* Returns 0 and the size of a regular file, or an error. */
static int32_t file__check(struct port* port, int fd, uint64_t* size_out) {
  struct stat status;
  if (send_file_status(fd, &status) < 0) return file__fail(port, errno);
  if (S_ISDIR(status.st_mode)) return port_fail(port, -IOCP_EISDIR, 0);
  if (!S_ISREG(status.st_mode) || !send_file_has_size(fd))
    return port_fail(port, -IOCP_ESPIPE, 0);
  *size_out = (uint64_t)status.st_size;
  return 0;
}

int32_t engine_open_file(struct port* port,
                         const void* path,
                         uint32_t length,
                         struct engine_file* file_out,
                         uint64_t* size_out) {
  char name[PATH_MAX];
  if (length >= sizeof name)
    return port_fail(port, -IOCP_ENAMETOOLONG, ENAMETOOLONG);
  memory_copy(name, path, length);
  name[length] = 0;
  /* A FIFO is opened without a wait for its other end. */
  int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return file__fail(port, errno);
  int32_t result = file__check(port, fd, size_out);
  if (result < 0) close(fd);
  file_out->fd = fd;
  return result;
}

void engine_close_file(struct engine_file* file) { close(file->fd); }

int32_t engine_read_file(struct port* port,
                         const struct engine_file* file,
                         uint64_t offset,
                         void* buffer,
                         uint32_t length) {
  uint32_t done = 0;
  while (done < length) {
    ssize_t count = pread(file->fd,
                          (uint8_t*)buffer + done,
                          length - done,
                          (off_t)(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file__fail(port, errno);
    if (count == 0) break;
    done += (uint32_t)count;
  }
  return (int32_t)done;
}
