/* SPDX-License-Identifier: MIT */
/*
 * The kernel's queue: an epoll instance. Each socket is entered once, edge
 * triggered for both directions, so that no message costs an epoll_ctl().
 */
#include "epoll.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "errors.h"

int32_t engine_open(struct port* port) {
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return errors_fail(port);
  int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) {
    int32_t result = errors_fail(port);
    close(epoll_fd);
    return result;
  }
  port->engine.epoll_fd = epoll_fd;
  port->engine.wake_fd = wake_fd;
  return 0;
}

void engine_close(struct port* port) {
  close(port->engine.wake_fd);
  close(port->engine.epoll_fd);
}

int32_t engine_wait(struct port* port, int32_t timeout_ms) {
  /* An epoll instance can be polled itself, and that dequeues nothing. The
   * wake-up is not in the instance, so that only a wait can take it. */
  struct pollfd entries[] = {{.fd = port->engine.epoll_fd, .events = POLLIN},
                             {.fd = port->engine.wake_fd, .events = POLLIN}};
  int count = poll(entries, 2, timeout_ms < 0 ? -1 : timeout_ms);
  /* After a signal the caller may as well look. */
  if (count < 0) return errno == EINTR ? 1 : errors_of(errno);
  uint64_t wakes;
  if ((entries[1].revents & POLLIN) != 0 &&
      read(port->engine.wake_fd, &wakes, sizeof wakes) < 0)
    return errno == EAGAIN ? 1 : errors_of(errno);
  return count > 0;
}

int32_t engine_wait_here(struct port* port, uint32_t timeout_us) {
  struct pollfd entry = {.fd = port->engine.epoll_fd, .events = POLLIN};
  struct timespec limit = {.tv_nsec = (long)timeout_us * 1000};
  /* After a signal the caller goes on as if the time were over. */
  return ppoll(&entry, 1, &limit, NULL) > 0;
}

int32_t engine_wake(struct port* port) {
  uint64_t one = 1;
  /* Only a full counter can refuse it, and that wakes as well. */
  if (write(port->engine.wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
    return errors_of(errno);
  return 0;
}

int32_t epoll_enter(struct socket* socket) {
  struct epoll_event event = {
      .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
      .data.u64 = (uint32_t)socket->name};
  if (socket->is_listener) event.events = EPOLLIN | EPOLLET;
  /* Its sends are its user's. */
  else if (socket->is_borrowed)
    event.events &= ~(uint32_t)EPOLLOUT;
  if (epoll_ctl(socket->port->engine.epoll_fd,
                EPOLL_CTL_ADD,
                socket->engine.fd,
                &event) == 0)
    return 0;
  return errors_fail(socket->port);
}
