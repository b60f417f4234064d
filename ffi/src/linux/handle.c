/* SPDX-License-Identifier: MIT */
#include "handle.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

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

/* The mark of a stream stays with the file, even when its process has crashed.
 * A listener is marked by the process that gets the signals of its file
 * (fcntl(2), F_SETOWN). A socket that listens receives no urgent data, for
 * which the signal would be sent, and accepted ones do not inherit the mark. */
bool handle_claim_listener(int fd) {
  return fcntl(fd, F_SETOWN, getpid()) == 0;
}

bool handle_is_claimed_listener(int fd) {
  return fcntl(fd, F_GETOWN) == getpid();
}

void handle_unclaim_listener(int fd) {
  if (handle_is_claimed_listener(fd)) fcntl(fd, F_SETOWN, 0);
}

static int handle__control(struct socket* socket, int call, uint32_t events) {
  struct epoll_event event = {.events = events | EPOLLET,
                              .data.u64 = (uint32_t)socket->id};
  return epoll_ctl(
      socket->port->engine.epoll_fd, call, socket->engine.fd, &event);
}

/* A unix socket signals room for each message that its peer receives
 * (unix_write_space() in the kernel), and a datagram socket for each datagram
 * that leaves (sock_def_write_space()), whether a send has failed or not. So
 * these are asked only then. */
static bool handle__asks_for_room(const struct socket* socket) {
  return socket_is_local(socket) || socket->is_datagram;
}

/* Added once, edge triggered and for both directions, so that no message costs
 * an epoll_ctl(). */
int32_t handle_enter(struct socket* socket) {
  uint32_t events = EPOLLIN;
  if (!socket->is_listener) events |= EPOLLRDHUP;
  /* Sends on a borrowed socket are made by its owner. */
  if (!socket->is_listener && !socket->is_borrowed &&
      !handle__asks_for_room(socket))
    events |= EPOLLOUT;
  if (handle__control(socket, EPOLL_CTL_ADD, events) == 0) return 0;
  /* The caller of an earlier socket has closed its descriptor while it was
   * added, and has opened this one with the same number, so that it was added
   * instead. Its events are those of the new socket from now on, the present
   * ones included (epoll_ctl(2), EPOLL_CTL_MOD). */
  if (socket->is_borrowed && errno == EEXIST &&
      handle__control(socket, EPOLL_CTL_MOD, events) == 0)
    return 0;
  return errors_fail(socket->port);
}

void handle_watch_room(struct socket* socket) {
  if (!handle__asks_for_room(socket) || socket->engine.watches_room) return;
  /* Room that came meanwhile is reported too (epoll_ctl(2), EPOLL_CTL_MOD
   * looks at the present state). It does not fail for an entry that exists. */
  socket->engine.watches_room =
      handle__control(socket, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT | EPOLLRDHUP) ==
      0;
}

void handle_ignore_room(struct socket* socket) {
  if (!socket->engine.watches_room) return;
  socket->engine.watches_room =
      handle__control(socket, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP) != 0;
}

void handle_leave(struct socket* socket) {
  struct epoll_event unused;
  epoll_ctl(
      socket->port->engine.epoll_fd, EPOLL_CTL_DEL, socket->engine.fd, &unused);
}
