/* SPDX-License-Identifier: MIT */
#include "handle.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>

#include "errors.h"
#include "overflow.h"

/* epoll refuses a second entry only in the same instance, so a claimed socket
 * is marked, by the signal number for O_ASYNC of its file (fcntl(2), F_SETSIG).
 * On Windows the file itself refuses a second port. */
#define HANDLE__CLAIMED SIGURG

int handle_open(int family) {
  return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int handle_open_datagram(struct port* port, int family) {
  if (!overflow_open(port)) {
    errno = ENOMEM;
    return -1;
  }
  return socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
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
  /* Sends on a borrowed socket are made by its owner. For datagrams the kernel
   * reports room whenever one has left (sock_def_write_space()), not only to a
   * sender that has found none, as for a stream (sk_stream_write_space()). */
  else if (socket->is_borrowed || socket->is_datagram)
    event.events &= ~(uint32_t)EPOLLOUT;
  if (epoll_ctl(socket->port->engine.epoll_fd,
                EPOLL_CTL_ADD,
                socket->engine.fd,
                &event) == 0)
    return 0;
  return errors_fail(socket->port);
}

void handle_expect_room(struct socket* socket, bool expects) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET,
                              .data.u64 = (uint32_t)socket->id};
  if (expects) event.events |= EPOLLOUT;
  /* It cannot fail: the entry exists. Room that has come meanwhile is reported
   * as well. */
  epoll_ctl(
      socket->port->engine.epoll_fd, EPOLL_CTL_MOD, socket->engine.fd, &event);
}

void handle_leave(struct socket* socket) {
  struct epoll_event unused;
  epoll_ctl(
      socket->port->engine.epoll_fd, EPOLL_CTL_DEL, socket->engine.fd, &unused);
}
