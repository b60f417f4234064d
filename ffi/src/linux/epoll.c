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

#include "connector.h"
#include "errors.h"
#include "memory.h"

#define EPOLL__BATCH 256
#define EPOLL__GONE (EPOLLRDHUP | EPOLLHUP | EPOLLERR)

int32_t engine_open(struct port* port) {
  /* Edge triggered, so that a dequeued wake-up need not be read. */
  struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return errors_fail(port);
  int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) goto err1;
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &event) < 0) goto err2;
  port->engine.epoll_fd = epoll_fd;
  port->engine.wake_fd = wake_fd;
  return 0;

err2:
  close(wake_fd);
err1:
  close(epoll_fd);
  return errors_fail(port);
}

void engine_close(struct port* port) {
  close(port->engine.wake_fd);
  close(port->engine.epoll_fd);
}

int32_t engine_wait(struct port* port, int32_t timeout_ms) {
  /* An epoll instance can be polled itself, and that dequeues nothing. */
  struct pollfd entry = {.fd = port->engine.epoll_fd, .events = POLLIN};
  int count = poll(&entry, 1, timeout_ms < 0 ? -1 : timeout_ms);
  /* After a signal the caller may as well look. */
  if (count < 0) return errno == EINTR ? 1 : errors_of(errno);
  return count;
}

int32_t engine_wake(struct port* port) {
  uint64_t one = 1;
  /* Only a full counter can refuse it, and that wakes as well. */
  if (write(port->engine.wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
    return errors_of(errno);
  return 0;
}

static void epoll__event(struct socket* socket, uint32_t events) {
  struct engine_socket* engine = &socket->engine;
  if ((events & EPOLL__GONE) != 0) engine->hung_up = true;
  if (socket->state == SOCKET_CONNECTING) {
    if ((events & (EPOLLOUT | EPOLL__GONE)) != 0) connect_finish(socket);
    return;
  }
  if ((events & (EPOLLIN | EPOLL__GONE)) != 0) {
    engine->readable = true;
    socket_ready(socket, socket->is_listener ? READY_ACCEPT : READY_RECEIVE);
  }
  if ((events & (EPOLLOUT | EPOLL__GONE)) != 0 && socket->kept != NULL)
    engine_send_kept(socket);
}

bool engine_poll(struct port* port) {
  struct epoll_event events[EPOLL__BATCH];
  int count = epoll_wait(port->engine.epoll_fd, events, EPOLL__BATCH, 0);
  for (int i = 0; i < count; i++) {
    /* Closing a handle takes it out of the instance, so a pointer that comes
     * out belongs to an open socket; the wake-up has none. */
    if (events[i].data.ptr != NULL)
      epoll__event(events[i].data.ptr, events[i].events);
  }
  return count == EPOLL__BATCH;
}

int32_t epoll_enter(struct socket* socket) {
  struct epoll_event event = {
      .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
      .data.ptr = socket};
  if (socket->is_listener) event.events = EPOLLIN | EPOLLET;
  if (epoll_ctl(socket->port->engine.epoll_fd, EPOLL_CTL_ADD,
                socket->engine.fd, &event) == 0)
    return 0;
  return errors_fail(socket->port);
}
