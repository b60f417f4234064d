/* SPDX-License-Identifier: MIT */
/* The kernel's queue: an epoll instance, and an eventfd that ends a wait; the
 * short waits of the port's own thread are ended by a timer, see alarm.h. */

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "alarm.h"
#include "connect.h"
#include "engine.h"
#include "errors.h"
#include "overflow.h"
#include "inbox.h"
#include "send_copy.h"

#define QUEUE__BATCH 256
#define QUEUE__HUNG_UP (EPOLLRDHUP | EPOLLHUP | EPOLLERR)

int32_t engine_open(struct port* port) {
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return errors_fail(port);
  int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int32_t result = wake_fd < 0 ? errors_fail(port) : alarm_open(port);
  if (result < 0) goto err;
  port->engine.epoll_fd = epoll_fd;
  port->engine.wake_fd = wake_fd;
  return 0;

err:
  if (wake_fd >= 0) close(wake_fd);
  close(epoll_fd);
  return result;
}

void engine_close(struct port* port) {
  overflow_close(port);
  inbox_close(port);
  alarm_close(port);
  close(port->engine.wake_fd);
  close(port->engine.epoll_fd);
}

/* ---- waiting */

int32_t engine_wait(struct port* port, int32_t timeout_ms) {
  /* An epoll instance can itself be polled, which dequeues nothing. The eventfd
   * is not in the instance, so that only a wait consumes a wake-up. */
  struct pollfd entries[] = {{.fd = port->engine.epoll_fd, .events = POLLIN},
                             {.fd = port->engine.wake_fd, .events = POLLIN}};
  int count = poll(entries, 2, timeout_ms < 0 ? -1 : timeout_ms);
  /* After a signal, an unnecessary poll costs the caller little. */
  if (count < 0) return errno == EINTR ? 1 : errors_of(errno);
  uint64_t wakes;
  if ((entries[1].revents & POLLIN) != 0 &&
      read(port->engine.wake_fd, &wakes, sizeof wakes) < 0)
    return errno == EAGAIN ? 1 : errors_of(errno);
  return count > 0;
}

int32_t engine_wait_here(struct port* port, uint32_t timeout_us) {
  return alarm_wait(port, port->engine.epoll_fd, timeout_us);
}

int32_t engine_wake(struct port* port) {
  uint64_t one = 1;
  /* EAGAIN means that the counter is full, so the eventfd is readable
   * already. */
  if (write(port->engine.wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
    return errors_of(errno);
  return 0;
}

/* ---- dequeuing */

static void queue__event(struct socket* socket, uint32_t events) {
  struct engine_socket* engine = &socket->engine;
  if ((events & QUEUE__HUNG_UP) != 0) engine->hung_up = true;
  if (socket->state == SOCKET_CONNECTING) {
    if ((events & (EPOLLOUT | QUEUE__HUNG_UP)) != 0) connect_finish(socket);
    return;
  }
  if ((events & (EPOLLIN | QUEUE__HUNG_UP)) != 0) {
    engine->readable = true;
    socket_ready(socket, socket->is_listener ? READY_ACCEPT : READY_RECEIVE);
  }
  if ((events & (EPOLLOUT | QUEUE__HUNG_UP)) != 0 &&
      send_copy_first(socket) != NULL)
    engine_send_copies(socket);
}

int32_t engine_next_ms(struct port* port) {
  (void)port;
  return -1;
}

bool engine_poll(struct port* port) {
  struct epoll_event events[QUEUE__BATCH];
  int count = epoll_wait(port->engine.epoll_fd, events, QUEUE__BATCH, 0);
  for (int i = 0; i < count; i++) {
    /* Closing a descriptor removes it from the instance, unless another one
     * refers to the same socket: a duplicate, or that of a child process. */
    struct socket* socket = socket_find(port, (int32_t)events[i].data.u64);
    if (socket != NULL) queue__event(socket, events[i].events);
  }
  return count == QUEUE__BATCH;
}
