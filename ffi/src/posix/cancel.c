/* SPDX-License-Identifier: MIT */
/* The last steps of a close. Nothing is in flight in the kernel. */
#include <sys/socket.h>
#include <unistd.h>

#include "borrow.h"
#include "datagram_room.h"
#include "engine.h"
#include "handle.h"
#include "socket_file.h"

void engine_cancel(struct socket* socket) {
  if (socket->is_borrowed) {
    borrow_cancel(socket);
    return;
  }
  if (socket->is_datagram && socket->path != NULL && socket_is_local(socket))
    socket_file_remove(socket);
  if (!socket->is_listener || socket->engine.fd < 0) return;
  /* The file of an adopted one is its maker's. */
  if (socket_is_local(socket) && socket->path != NULL)
    socket_file_remove(socket);
  /* It may be open elsewhere, after it was passed, and would stay in the queue
   * until it is closed there (epoll(7)). */
  handle_leave(socket);
  if (socket->engine.is_claimed) handle_unclaim_listener(socket->engine.fd);
  close(socket->engine.fd);
  socket->engine.fd = -1;
}

bool engine_is_idle(const struct socket* socket) {
  (void)socket;
  return true;
}

/* Nothing is in flight. */
void engine_await_canceled(struct port* port) { (void)port; }

void engine_close_handle(struct socket* socket, bool reset) {
  engine_close_socket(socket, reset);
}

void engine_close_socket(struct socket* socket, bool reset) {
  if (socket->is_borrowed) borrow_return(socket);
  if (socket->engine.fd < 0) return;
  if (socket->is_datagram) datagram_room_ignore(socket);
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  /* A unix socket has no reset (unix_release_sock() in the kernel). */
  if (reset && !socket_is_local(socket))
    setsockopt(
        socket->engine.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  /* Not repeated after EINTR: the descriptor is closed all the same. */
  close(socket->engine.fd);
  socket->engine.fd = -1;
}

uint32_t engine_release(struct socket* socket) {
  int fd = socket->engine.fd;
  handle_leave(socket);
  handle_unclaim(fd);
  socket->engine.fd = -1;
  return (uint32_t)fd;
}
