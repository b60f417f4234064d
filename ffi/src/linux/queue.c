/* SPDX-License-Identifier: MIT */
/* The kernel's queue: an epoll instance, and an eventfd that ends a wait; the
 * short waits of the port's own thread are ended by a timer in the instance,
 * see alarm.h. */

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
  port->engine.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (port->engine.epoll_fd < 0) return errors_fail(port);
  port->engine.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int32_t result =
      port->engine.wake_fd < 0 ? errors_fail(port) : alarm_open(port);
  if (result >= 0) return 0;
  if (port->engine.wake_fd >= 0) close(port->engine.wake_fd);
  close(port->engine.epoll_fd);
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

/* The receiver of the socket's oldest copy may have room. */
static void queue__room(struct socket* socket) {
  if (send_copy_first(socket) != NULL) engine_send_copies(socket);
}

/* Returns true when the batch was full. */
static bool queue__dequeue(struct port* port, int timeout_ms) {
  struct epoll_event events[QUEUE__BATCH];
  int count =
      epoll_wait(port->engine.epoll_fd, events, QUEUE__BATCH, timeout_ms);
  for (int i = 0; i < count; i++) {
    if (events[i].data.u64 == ALARM_EVENT) continue;
    /* Closing a descriptor removes it from the instance, unless another one
     * refers to the same socket: a duplicate, or that of a child process. */
    struct socket* socket = socket_find(port, (int32_t)events[i].data.u64);
    if (socket == NULL) continue;
    if ((events[i].data.u64 & ENGINE_ROOM_EVENT) != 0)
      queue__room(socket);
    else
      queue__event(socket, events[i].events);
  }
  return count == QUEUE__BATCH;
}

bool engine_poll(struct port* port) {
  bool is_dequeued = port->engine.is_dequeued;
  port->engine.is_dequeued = false;
  return !is_dequeued && queue__dequeue(port, 0);
}

/* ---- waiting on the port's own thread
 *
 * It waits in the instance itself, which saves a call, and the kernel may wake
 * it on the core of the sender, if it runs there in turn with this thread
 * (ep_poll_callback() in the kernel). Not so a thread that polls the instance:
 * then each message wakes a core that has fallen asleep. */

static bool queue__wait(struct port* port, int timeout_ms) {
  bool is_full = queue__dequeue(port, timeout_ms);
  bool has_some = !list_is_empty(&port->ready);
  port->engine.is_dequeued = has_some && !is_full;
  return has_some;
}

static bool queue__wait_here(struct port* port) {
  return queue__wait(port, -1);
}

int32_t engine_wait_here(struct port* port, uint32_t timeout_us) {
  /* A wait that is none needs no timer. */
  if (timeout_us == 0) return queue__wait(port, 0);
  return alarm_wait(port, queue__wait_here, timeout_us);
}
