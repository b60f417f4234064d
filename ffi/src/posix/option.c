/* SPDX-License-Identifier: MIT */
/* The options of the system. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "datagram_option.h"
#include "engine.h"
#include "errors.h"

/* The lower two bits of IP_TOS and IPV6_TCLASS are ECN; for TCP the kernel sets
 * them itself (ip(7)). */
#define OPTION__DSCP_SHIFT 2

struct option__system {
  int level;
  int name;
};

/* Indexed by the option numbers of the API. DSCP is handled separately, since
 * its option depends on the address family. */
static const struct option__system option__systems[] = {
    [IOCP_NO_DELAY] = {IPPROTO_TCP, TCP_NODELAY},
    [IOCP_KEEP_ALIVE] = {SOL_SOCKET, SO_KEEPALIVE},
    [IOCP_KEEP_ALIVE_IDLE] = {IPPROTO_TCP, TCP_KEEPIDLE},
    [IOCP_KEEP_ALIVE_INTERVAL] = {IPPROTO_TCP, TCP_KEEPINTVL},
    [IOCP_KEEP_ALIVE_COUNT] = {IPPROTO_TCP, TCP_KEEPCNT},
    [IOCP_USER_TIMEOUT] = {IPPROTO_TCP, TCP_USER_TIMEOUT},
};

static int32_t option__set(struct socket* socket,
                           struct option__system system,
                           int value) {
  if (setsockopt(
          socket->engine.fd, system.level, system.name, &value, sizeof value) ==
      0)
    return 0;
  return errors_fail(socket->port);
}

static int32_t option__get(struct socket* socket,
                           struct option__system system) {
  int value = 0;
  socklen_t length = sizeof value;
  if (getsockopt(
          socket->engine.fd, system.level, system.name, &value, &length) == 0)
    return value;
  return errors_fail(socket->port);
}

static const struct option__system option__tos = {IPPROTO_IP, IP_TOS};
static const struct option__system option__traffic_class = {IPPROTO_IPV6,
                                                            IPV6_TCLASS};

/* An IPv6 socket whose peer has an IPv4-mapped address sends IPv4 packets, and
 * those carry the value of IP_TOS. A listener may get both kinds. */
static int32_t option__set_dscp(struct socket* socket, int32_t value) {
  int bits = value << OPTION__DSCP_SHIFT;
  int32_t result = option__set(socket, option__tos, bits);
  if (result < 0 || socket->family == 4) return result;
  return option__set(socket, option__traffic_class, bits);
}

static int32_t option__get_dscp(struct socket* socket) {
  int32_t bits = option__get(
      socket, socket->family == 4 ? option__tos : option__traffic_class);
  return bits < 0 ? bits : bits >> OPTION__DSCP_SHIFT;
}

int32_t engine_set_option(struct socket* socket,
                          uint32_t option,
                          int32_t value) {
  if (option == IOCP_DSCP) return option__set_dscp(socket, value);
  if (option > IOCP_DSCP) return datagram_option_set(socket, option, value);
  return option__set(socket, option__systems[option], value);
}

int32_t engine_get_option(struct socket* socket, uint32_t option) {
  if (option == IOCP_DSCP) return option__get_dscp(socket);
  if (option > IOCP_DSCP) return datagram_option_get(socket, option);
  return option__get(socket, option__systems[option]);
}
