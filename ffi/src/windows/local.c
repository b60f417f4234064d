/* SPDX-License-Identifier: MIT */
/* Local sockets. */
#include "engine.h"

int32_t engine_listen_path(struct socket* socket,
                           const struct path_access* access) {
  (void)access;
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

int32_t engine_connect_path(struct socket* socket) {
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

int32_t engine_get_path(struct socket* socket,
                        uint32_t end,
                        struct iocp_path* name_out) {
  (void)end, (void)name_out;
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

int32_t engine_get_peer(struct socket* socket, struct iocp_peer* peer_out) {
  (void)peer_out;
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}
