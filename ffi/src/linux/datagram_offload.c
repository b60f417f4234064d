/* SPDX-License-Identifier: MIT */
/* IOCP_OFFLOAD. */
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "datagram_option.h"
#include "errors.h"

#ifndef UDP_GRO
#define UDP_GRO 104 /* since Linux 5.0 (udp(7)) */
#endif

int32_t datagram_option_set_offload(struct socket* socket, bool offloads) {
  struct engine_datagram* engine = &socket->datagram->engine;
  int value = offloads;
  if (socket->family == IOCP_UNIX)
    return port_fail(socket->port, -IOCP_ENOTSUP, 0);
  if (setsockopt(
          socket->engine.fd, IPPROTO_UDP, UDP_GRO, &value, sizeof value) < 0)
    return errors_fail(socket->port);
  engine->offloads = offloads;
  engine->merges = offloads;
  return 0;
}
