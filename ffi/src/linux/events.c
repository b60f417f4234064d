/* SPDX-License-Identifier: MIT */
/* What comes out of the epoll instance. */
#include <sys/epoll.h>

#include "connect.h"
#include "engine.h"
#include "kept.h"

#define EVENTS__BATCH 256
#define EVENTS__GONE (EPOLLRDHUP | EPOLLHUP | EPOLLERR)

static void events__one(struct socket* socket, uint32_t events) {
  struct engine_socket* engine = &socket->engine;
  if ((events & EVENTS__GONE) != 0) engine->hung_up = true;
  if (socket->state == SOCKET_CONNECTING) {
    if ((events & (EPOLLOUT | EVENTS__GONE)) != 0) connect_finish(socket);
    return;
  }
  if ((events & (EPOLLIN | EVENTS__GONE)) != 0) {
    engine->readable = true;
    socket_ready(socket, socket->is_listener ? READY_ACCEPT : READY_RECEIVE);
  }
  if ((events & (EPOLLOUT | EVENTS__GONE)) != 0 && kept_first(socket) != NULL)
    engine_send_kept(socket);
}

bool engine_poll(struct port* port) {
  struct epoll_event events[EVENTS__BATCH];
  int count = epoll_wait(port->engine.epoll_fd, events, EVENTS__BATCH, 0);
  for (int i = 0; i < count; i++) {
    /* Closing a handle takes it out of the instance, but not when its user has
     * another one for the same socket, or a child process has. */
    struct socket* socket = socket_find(port, (int32_t)events[i].data.u64);
    if (socket != NULL) events__one(socket, events[i].events);
  }
  return count == EVENTS__BATCH;
}
