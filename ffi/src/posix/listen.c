/* SPDX-License-Identifier: MIT */
/* The address of a listener. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "engine.h"
#include "errors.h"
#include "handle.h"

static int listen__set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value);
}

static int32_t listen__start(struct socket* socket,
                             const struct iocp_address* address,
                             uint32_t flags) {
  int fd = socket->engine.fd;
  struct sockaddr_storage system;
  socklen_t length = address_to_system(address, &system);
  /* On POSIX systems SO_REUSEADDR only lets a restarted server bind while old
   * connections are in TIME_WAIT. */
  if (listen__set(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0) goto fail;
  if ((flags & IOCP_REUSE_PORT) != 0 &&
      listen__set(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
    goto fail;
  /* A connection inherits the TCP options that its listener had when the SYN
   * came (Linux: tcp_create_openreq_child() copies the whole socket). Set once
   * before listen(), this costs no system call for each connection. */
  if (socket->sets_no_delay && listen__set(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0)
    goto fail;
  if (address->family == 6 &&
      listen__set(
          fd, IPPROTO_IPV6, IPV6_V6ONLY, (flags & IOCP_IPV6_ONLY) != 0) < 0)
    goto fail;
  if (bind(fd, (struct sockaddr*)&system, length) < 0) goto fail;
  if (listen(fd, (int)socket->backlog) < 0) goto fail;
  return handle_enter(socket);

fail:
  return errors_fail(socket->port);
}

int32_t engine_listen(struct socket* socket,
                      const struct iocp_address* address,
                      uint32_t flags) {
  if (address->family != 4 && address->family != 6)
    return port_fail(socket->port, -IOCP_EAFNOSUPPORT, 0);
  int fd = handle_open(address->family == 4 ? AF_INET : AF_INET6);
  if (fd < 0) return errors_fail(socket->port);
  socket->engine.fd = fd;
  socket->family = (uint8_t)address->family;
  socket->is_listener = true;
  int32_t result = listen__start(socket, address, flags);
  if (result < 0) close(fd);
  return result;
}

int32_t engine_set_backlog(struct socket* listener, uint32_t backlog) {
  if (listen(listener->engine.fd, (int)backlog) < 0)
    return errors_fail(listener->port);
  listener->backlog = backlog;
  return 0;
}
