/* SPDX-License-Identifier: MIT */
/* sendfile(2). On a non-blocking socket it does not wait for the peer, but it
 * does for the disk. */
#include "send_file.h"

#include <errno.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "errors.h"

int send_file_status(int fd, struct stat* status_out) {
  /* Not by fstat(), as in identity.c. */
  return (int)syscall(SYS_fstat, fd, status_out);
}

bool send_file_has_size(int fd) {
  struct statfs status;
  /* Their files are regular ones of 0 bytes, or of a page (proc(5), sysfs). */
  return fstatfs(fd, &status) < 0 ||
         (status.f_type != PROC_SUPER_MAGIC && status.f_type != SYSFS_MAGIC);
}

/* ---- SIGPIPE
 *
 * sendfile(2) has no MSG_NOSIGNAL, and the signal would end a program that does
 * not ignore it. So the signal is blocked during the call, and taken off again
 * if the call has caused it. A signal of that kind is for the thread that makes
 * the call (pthreads(7)). */

struct send_file__mask {
  sigset_t pipe;
  sigset_t former;
  bool is_set;
  bool was_pending;
};

static void send_file__block(struct send_file__mask* mask) {
  sigset_t pending;
  sigemptyset(&mask->pipe);
  sigaddset(&mask->pipe, SIGPIPE);
  mask->was_pending =
      sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
  mask->is_set = pthread_sigmask(SIG_BLOCK, &mask->pipe, &mask->former) == 0;
}

/* `is_whole`: all was sent. A call that has sent a part, or that returns
 * another error, may have caused the signal as well. */
static void send_file__unblock(const struct send_file__mask* mask,
                               bool is_whole) {
  static const struct timespec now = {.tv_sec = 0};
  if (!mask->is_set) return;
  if (!is_whole && !mask->was_pending)
    while (sigtimedwait(&mask->pipe, NULL, &now) < 0 && errno == EINTR)
      continue;
  pthread_sigmask(SIG_SETMASK, &mask->former, NULL);
}

/* ---- sending */

/* Some file systems have no sendfile(2). The rest of what the socket does not
 * take is read again later. */
static int32_t send_file__copy(struct socket* socket,
                               const struct file* file,
                               uint64_t offset,
                               uint32_t length) {
  struct port* port = socket->port;
  if (length > sizeof port->scratch) length = sizeof port->scratch;
  int32_t count =
      engine_read_file(port, &file->engine, offset, port->scratch, length);
  if (count == 0) return port_fail(port, -IOCP_ENODATA, 0);
  return count < 0 ? count
                   : engine_send(socket, port->scratch, (uint32_t)count);
}

int32_t send_file(struct socket* socket,
                  const struct file* file,
                  uint64_t offset,
                  uint32_t length) {
  struct send_file__mask mask;
  ssize_t count;
  int native;
  send_file__block(&mask);
  do {
    off_t at = (off_t)offset;
    count = sendfile(socket->engine.fd, file->engine.fd, &at, length);
    native = count < 0 ? errno : 0;
  } while (native == EINTR);
  send_file__unblock(&mask, count == (ssize_t)length);
  if (count > 0) return (int32_t)count;
  /* The end of the file. */
  if (count == 0) return port_fail(socket->port, -IOCP_ENODATA, 0);
  if (native == EAGAIN) return ENGINE_WOULD_BLOCK;
  if (native == EINVAL || native == ENOSYS)
    return send_file__copy(socket, file, offset, length);
  errno = native;
  return errors_fail_stream(socket);
}

bool engine_transmits_files(struct socket* socket) {
  (void)socket;
  return true;
}
