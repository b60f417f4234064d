/* SPDX-License-Identifier: MIT */
#include "datagram_option.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "errors.h"

/* An option of both families: an IPv6 socket may send IPv4 packets as well, and
 * those follow the option of IPv4. */
struct datagram_option__pair {
  int ipv4;
  int ipv6;
};

static const struct datagram_option__pair datagram_option__ttl = {
    IP_TTL, IPV6_UNICAST_HOPS};
static const struct datagram_option__pair datagram_option__multicast_ttl = {
    IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS};
static const struct datagram_option__pair datagram_option__multicast_loop = {
    IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP};

static int32_t datagram_option__set(struct socket* socket,
                                    int level,
                                    int name,
                                    int value) {
  if (setsockopt(socket->engine.fd, level, name, &value, sizeof value) == 0)
    return 0;
  return errors_fail(socket->port);
}

static int32_t datagram_option__get(struct socket* socket,
                                    int level,
                                    int name) {
  int value = 0;
  socklen_t length = sizeof value;
  if (getsockopt(socket->engine.fd, level, name, &value, &length) == 0)
    return value;
  return errors_fail(socket->port);
}

static int32_t datagram_option__set_pair(struct socket* socket,
                                         struct datagram_option__pair pair,
                                         int value) {
  int32_t result = datagram_option__set(socket, IPPROTO_IP, pair.ipv4, value);
  if (result < 0 || socket->family == IOCP_IPV4) return result;
  return datagram_option__set(socket, IPPROTO_IPV6, pair.ipv6, value);
}

static int32_t datagram_option__get_pair(struct socket* socket,
                                         struct datagram_option__pair pair) {
  return socket->family == IOCP_IPV4
             ? datagram_option__get(socket, IPPROTO_IP, pair.ipv4)
             : datagram_option__get(socket, IPPROTO_IPV6, pair.ipv6);
}

/* IP_MULTICAST_IF returns an address instead of the index (ip(7)), so the value
 * is noted. */
static int32_t datagram_option__set_interface(struct socket* socket,
                                              int32_t index) {
  struct ip_mreqn ipv4 = {.imr_ifindex = index};
  int32_t result = 0;
  if (setsockopt(
          socket->engine.fd, IPPROTO_IP, IP_MULTICAST_IF, &ipv4, sizeof ipv4) <
      0)
    result = errors_fail(socket->port);
  if (result >= 0 && socket->family == IOCP_IPV6)
    result =
        datagram_option__set(socket, IPPROTO_IPV6, IPV6_MULTICAST_IF, index);
  if (result >= 0) socket->datagram->multicast_interface = (uint32_t)index;
  return result;
}

/* Linux doubles the value for its own bookkeeping and returns it doubled
 * (socket(7)). */
#define DATAGRAM_OPTION__BUFFER_FACTOR 2

int32_t datagram_option_set(struct socket* socket,
                            uint32_t option,
                            int32_t value) {
  switch (option) {
    case IOCP_BROADCAST:
      return datagram_option__set(socket, SOL_SOCKET, SO_BROADCAST, value);
    case IOCP_TTL:
      return datagram_option__set_pair(socket, datagram_option__ttl, value);
    case IOCP_MULTICAST_TTL:
      return datagram_option__set_pair(
          socket, datagram_option__multicast_ttl, value);
    case IOCP_MULTICAST_LOOP:
      return datagram_option__set_pair(
          socket, datagram_option__multicast_loop, value);
    case IOCP_MULTICAST_INTERFACE:
      return datagram_option__set_interface(socket, value);
    case IOCP_SYSTEM_RECEIVE_BUFFER:
      return datagram_option__set(socket, SOL_SOCKET, SO_RCVBUF, value);
    case IOCP_SYSTEM_SEND_BUFFER:
      return datagram_option__set(socket, SOL_SOCKET, SO_SNDBUF, value);
    default:
      return datagram_option_set_offload(socket, value != 0);
  }
}

int32_t datagram_option_get(struct socket* socket, uint32_t option) {
  int32_t value;
  switch (option) {
    case IOCP_BROADCAST:
      return datagram_option__get(socket, SOL_SOCKET, SO_BROADCAST);
    case IOCP_TTL:
      return datagram_option__get_pair(socket, datagram_option__ttl);
    case IOCP_MULTICAST_TTL:
      return datagram_option__get_pair(socket, datagram_option__multicast_ttl);
    case IOCP_MULTICAST_LOOP:
      return datagram_option__get_pair(socket, datagram_option__multicast_loop);
    case IOCP_MULTICAST_INTERFACE:
      return (int32_t)socket->datagram->multicast_interface;
    case IOCP_SYSTEM_RECEIVE_BUFFER:
      value = datagram_option__get(socket, SOL_SOCKET, SO_RCVBUF);
      return value < 0 ? value : value / DATAGRAM_OPTION__BUFFER_FACTOR;
    case IOCP_SYSTEM_SEND_BUFFER:
      value = datagram_option__get(socket, SOL_SOCKET, SO_SNDBUF);
      return value < 0 ? value : value / DATAGRAM_OPTION__BUFFER_FACTOR;
    default:
      return socket->datagram->engine.offloads;
  }
}
