/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "borrow.h"
#include "epoll.h"
#include "errors.h"
#include "handle.h"

/* The kernel counts the time of TCP_DEFER_ACCEPT in retransmissions, and rounds
 * up to 1, 3, 7 ... seconds (tcp(7)); then it hands the connection over all the
 * same, and the library's own time begins. A sixth of it keeps the whole below
 * one and a half, and for less than a second the kernel is not asked. */
#define ACCEPT__DEFER_SHARE_MS 6000
/* Seconds, where the silent are not given up. */
#define ACCEPT__DEFER_LONG 30

static int accept__set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value);
}

static int32_t accept__bind(struct socket* socket,
                            const struct iocp_address* address,
                            uint32_t flags) {
  int fd = socket->engine.fd;
  struct sockaddr_storage system;
  socklen_t length = address_to_system(address, &system);
  /* On Linux this only lets a restarted server bind past old connections. */
  if (accept__set(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0) goto fail;
  if ((flags & IOCP_REUSE_PORT) != 0 &&
      accept__set(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
    goto fail;
  /* A connection has the TCP options that its listener had when the SYN came
   * (tcp_create_openreq_child() copies the whole socket), so setting this once,
   * before listen(), costs no system call for each connection. */
  if (socket->sets_no_delay && accept__set(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0)
    goto fail;
  if (address->family == 6 &&
      accept__set(
          fd, IPPROTO_IPV6, IPV6_V6ONLY, (flags & IOCP_IPV6_ONLY) != 0) < 0)
    goto fail;
  if (bind(fd, (struct sockaddr*)&system, length) < 0) goto fail;
  if (listen(fd, (int)socket->backlog) < 0) goto fail;
  return epoll_enter(socket);

fail:
  return errors_fail(socket->port);
}

int32_t engine_listen(struct socket* socket,
                      const struct iocp_address* address,
                      uint32_t flags) {
  if (address->family != 4 && address->family != 6)
    return port_fail(socket->port, -IOCP_EAFNOSUPPORT, 0);
  int family = address->family == 4 ? AF_INET : AF_INET6;
  int fd = handle_open(family);
  if (fd < 0) return errors_fail(socket->port);
  socket->engine.fd = fd;
  socket->family = (uint8_t)address->family;
  socket->is_listener = true;
  int32_t result = accept__bind(socket, address, flags);
  if (result < 0) close(fd);
  return result;
}

int32_t engine_set_backlog(struct socket* listener, uint32_t backlog) {
  if (listen(listener->engine.fd, (int)backlog) < 0)
    return errors_fail(listener->port);
  listener->backlog = backlog;
  return 0;
}

int32_t engine_defer_accept(struct socket* listener) {
  uint32_t timeout_ms = listener->first_byte_timeout_ms;
  int seconds = timeout_ms == 0 ? ACCEPT__DEFER_LONG
                                : (int)(timeout_ms / ACCEPT__DEFER_SHARE_MS);
  if (!listener->defers_accept) seconds = 0;
  if (accept__set(listener->engine.fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds) <
      0)
    return errors_fail(listener->port);
  return 0;
}

/* A connection that was accepted is a socket, and has a timer of its own. */
void engine_watch_accepts(struct socket* listener) { (void)listener; }

uint32_t engine_watch_ms(const struct socket* listener) {
  (void)listener;
  return 0;
}

void engine_accept(struct socket* listener) {
  /* Connections that came while nobody wanted any gave their edge already. */
  if (listener->accept_target != 0 && listener->engine.readable)
    socket_ready(listener, READY_ACCEPT);
}

/* accept() is the one call that cannot be told not to block, so a borrowed
 * listener, whose mode is its user's, is asked before. Returns false when there
 * is nothing to accept. */
static bool accept__would_return(const struct socket* listener) {
  struct pollfd entry = {.fd = listener->engine.fd, .events = POLLIN};
  return !listener->is_borrowed || poll(&entry, 1, 0) != 0;
}

/* Errors that accept(2) passes on from the connection it would have returned:
 * "treat them like EAGAIN by retrying". */
static bool accept__is_transient(int native) {
  switch (native) {
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EINTR:
      return true;
    default:
      return false;
  }
}

int32_t engine_take_accept(struct socket* listener, struct socket* accepted) {
  struct port* port = listener->port;
  if (!listener->engine.readable || listener->accept_target == 0)
    return ENGINE_WOULD_BLOCK;
  if (listener->is_borrowed && engine_is_lost(listener))
    return port_fail(port, -IOCP_ECANCELED, 0);
  if (!accept__would_return(listener)) {
    listener->engine.readable = false;
    return ENGINE_WOULD_BLOCK;
  }
  struct sockaddr_storage peer;
  socklen_t length = sizeof peer;
  int fd = accept4(
      listener->engine.fd,
      (struct sockaddr*)&peer,
      &length,
      listener->is_borrowed ? SOCK_CLOEXEC : SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      listener->engine.readable = false;
      return ENGINE_WOULD_BLOCK;
    }
    if (accept__is_transient(errno)) return -IOCP_ECONNABORTED;
    return errors_fail(port);
  }
  accepted->engine.fd = fd;
  address_from_system(&peer, &accepted->peer);
  accepted->family = listener->family;
  /* Its user's, on no port. */
  if (listener->is_borrowed) return 0;
  int32_t result = epoll_enter(accepted);
  if (result < 0) close(fd);
  return result;
}
