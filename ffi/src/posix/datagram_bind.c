/* SPDX-License-Identifier: MIT */
/* The addresses of a datagram socket. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "datagram_address.h"
#include "datagram_memory.h"
#include "engine.h"
#include "errors.h"
#include "handle.h"
#include "path.h"
#include "socket_file.h"

static int datagram_bind__set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value);
}

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29 /* since Linux 4.20 */
#endif

/* By default Linux delivers what is sent to the groups that any socket of the
 * machine has joined (ip(7), IP_MULTICAST_ALL); other systems deliver only
 * those of the socket itself. A kernel without the option is left as it is. */
static void datagram_bind__only_own_groups(int fd, uint16_t family) {
  datagram_bind__set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
  if (family == IOCP_IPV6)
    datagram_bind__set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
}

static int32_t datagram_bind__open(struct socket* socket, int family) {
  int fd = handle_open_datagram(socket->port, family);
  if (fd < 0) return errors_fail(socket->port);
  socket->engine.fd = fd;
  return 0;
}

/* ---- UDP */

static int32_t datagram_bind__ip(struct socket* socket,
                                 const struct iocp_address* address,
                                 uint32_t flags) {
  int fd = socket->engine.fd;
  struct sockaddr_storage system;
  socklen_t length = address_to_system(address, &system);
  if ((flags & IOCP_REUSE_PORT) != 0 &&
      datagram_bind__set(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
    return errors_fail(socket->port);
  if ((flags & IOCP_REUSE_ADDRESS) != 0 &&
      datagram_bind__set(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0)
    return errors_fail(socket->port);
  if (address->family == IOCP_IPV6 &&
      datagram_bind__set(
          fd, IPPROTO_IPV6, IPV6_V6ONLY, (flags & IOCP_IPV6_ONLY) != 0) < 0)
    return errors_fail(socket->port);
  datagram_bind__only_own_groups(fd, address->family);
  if (bind(fd, (struct sockaddr*)&system, length) < 0)
    return errors_fail(socket->port);
  int32_t result =
      engine_get_address(socket, IOCP_LOCAL, &socket->datagram->engine.bound);
  return result < 0 ? result : handle_enter(socket);
}

int32_t engine_bind(struct socket* socket,
                    const struct iocp_address* address,
                    uint32_t flags) {
  if (address->family != IOCP_IPV4 && address->family != IOCP_IPV6)
    return port_fail(socket->port, -IOCP_EAFNOSUPPORT, 0);
  int32_t result = datagram_bind__open(
      socket, address->family == IOCP_IPV4 ? AF_INET : AF_INET6);
  if (result < 0) return result;
  socket->family = (uint8_t)address->family;
  result = datagram_bind__ip(socket, address, flags);
  if (result < 0) close(socket->engine.fd);
  return result;
}

/* ---- unix */

static int32_t datagram_bind__name(struct socket* socket,
                                   const struct path_access* access) {
  struct sockaddr_un system;
  const struct iocp_path* name = &socket->path->name;
  socklen_t length = address_of_path(name, &system);
  if (length == 0) return port_fail(socket->port, -IOCP_ENAMETOOLONG, 0);
  if (name->bytes[0] != 0)
    return socket_file_listen(socket, &system, length, access);
  if (bind(socket->engine.fd, (struct sockaddr*)&system, length) < 0)
    return errors_fail(socket->port);
  return handle_enter(socket);
}

int32_t engine_bind_path(struct socket* socket,
                         const struct path_access* access) {
  int32_t result = datagram_bind__open(socket, AF_UNIX);
  if (result < 0) return result;
  result = socket->path == NULL ? handle_enter(socket)
                                : datagram_bind__name(socket, access);
  if (result < 0) close(socket->engine.fd);
  return result;
}

/* ---- connecting */

/* A UDP socket that was bound to port 0 loses its port and receives nothing any
 * more (__udp_disconnect()), so it is bound again. */
static int32_t datagram_bind__again(struct socket* socket) {
  struct sockaddr_storage system;
  struct iocp_address now;
  const struct iocp_address* bound = &socket->datagram->engine.bound;
  int32_t result = engine_get_address(socket, IOCP_LOCAL, &now);
  if (result < 0 || now.port == bound->port) return result;
  socklen_t length = address_to_system(bound, &system);
  if (bind(socket->engine.fd, (struct sockaddr*)&system, length) == 0) return 0;
  return errors_fail(socket->port);
}

/* Whether an IPv6 socket is connected to an IPv4 peer. */
static bool datagram_bind__is_mapped(struct socket* socket) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  struct iocp_address peer;
  return socket->family == IOCP_IPV6 &&
         engine_get_address(socket, IOCP_PEER, &peer) >= 0 &&
         memcmp(peer.bytes, mapped, sizeof mapped) == 0;
}

static int datagram_bind__connect(int fd,
                                  const void* address,
                                  socklen_t length) {
  int result;
  do {
    result = connect(fd, address, length);
  } while (result < 0 && errno == EINTR);
  return result;
}

static int datagram_bind__disconnect(int fd) {
  struct sockaddr nothing = {.sa_family = AF_UNSPEC};
  return datagram_bind__connect(fd, &nothing, sizeof nothing);
}

/* After a connection to an IPv4 peer, a dual-stack socket receives nothing by
 * IPv6, and cannot connect by it (measured on Linux 6.18), until it has been
 * connected to an IPv6 address. */
static void datagram_bind__restore_ipv6(int fd) {
  struct sockaddr_in6 loopback = {.sin6_family = AF_INET6,
                                  .sin6_port = htons(9),
                                  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  if (datagram_bind__connect(fd, &loopback, sizeof loopback) == 0)
    datagram_bind__disconnect(fd);
}

static int32_t datagram_bind__dissolve(struct socket* socket) {
  bool is_mapped = datagram_bind__is_mapped(socket);
  if (datagram_bind__disconnect(socket->engine.fd) < 0)
    return errors_fail(socket->port);
  if (socket->family == IOCP_UNIX) return 0;
  int32_t result = datagram_bind__again(socket);
  if (result >= 0 && is_mapped) datagram_bind__restore_ipv6(socket->engine.fd);
  return result;
}

int32_t engine_connect_datagram(struct socket* socket,
                                const struct iocp_datagram* to,
                                const void* path) {
  struct sockaddr_storage system;
  if (to == NULL) return datagram_bind__dissolve(socket);
  int32_t length = datagram_address_to_system(socket, to, path, &system);
  if (length < 0) return port_fail(socket->port, length, 0);
  if (length == 0) return port_fail(socket->port, -IOCP_EINVAL, 0);
  if (datagram_bind__is_mapped(socket)) {
    int32_t result = datagram_bind__dissolve(socket);
    if (result < 0) return result;
  }
  if (datagram_bind__connect(socket->engine.fd, &system, (socklen_t)length) ==
      0)
    return 0;
  return errors_fail(socket->port);
}
