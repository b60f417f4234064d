/* SPDX-License-Identifier: MIT */
#include "handle.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>

#include "errors.h"

/* epoll refuses a second entry only in the same instance, so a claimed socket
 * is marked, by the signal number for O_ASYNC of its file (fcntl(2), F_SETSIG).
 * On Windows the file itself refuses a second port. */
#define HANDLE__CLAIMED SIGURG

int handle_open(int family) {
  return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int handle_accept(int listener,
                  struct sockaddr_storage* peer_out,
                  socklen_t* length_out,
                  bool is_non_blocking) {
  *length_out = sizeof *peer_out;
  return accept4(listener,
                 (struct sockaddr*)peer_out,
                 length_out,
                 is_non_blocking ? SOCK_NONBLOCK | SOCK_CLOEXEC : SOCK_CLOEXEC);
}

bool handle_claim(int fd) { return fcntl(fd, F_SETSIG, HANDLE__CLAIMED) == 0; }

void handle_unclaim(int fd) { fcntl(fd, F_SETSIG, 0); }

bool handle_is_claimed(int fd) {
  return fcntl(fd, F_GETSIG) == HANDLE__CLAIMED;
}

/* Added once, edge triggered and for both directions, so that no message costs
 * an epoll_ctl(). */
int32_t handle_enter(struct socket* socket) {
  struct epoll_event event = {
      .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
      .data.u64 = (uint32_t)socket->id};
  if (socket->is_listener) event.events = EPOLLIN | EPOLLET;
  /* Sends on a borrowed socket are made by its owner. */
  else if (socket->is_borrowed)
    event.events &= ~(uint32_t)EPOLLOUT;
  if (epoll_ctl(socket->port->engine.epoll_fd,
                EPOLL_CTL_ADD,
                socket->engine.fd,
                &event) == 0)
    return 0;
  return errors_fail(socket->port);
}

void handle_leave(struct socket* socket) {
  struct epoll_event unused;
  epoll_ctl(
      socket->port->engine.epoll_fd, EPOLL_CTL_DEL, socket->engine.fd, &unused);
}
