/* SPDX-License-Identifier: MIT */
#include "endpoint.h"

#include "engine.h"
#include "path.h"
#include "share.h"

static int32_t endpoint__ip(struct socket* socket,
                            uint32_t end,
                            struct iocp_address* address_out) {
  if (end == IOCP_PEER && socket->peer.family != 0)
    *address_out = socket->peer;
  else if (end == IOCP_LOCAL && socket->local_known)
    *address_out = socket->local;
  else
    return engine_get_address(socket, end, address_out);
  return 0;
}

int32_t endpoint_address(struct socket* socket,
                         uint32_t end,
                         union endpoint* address_out) {
  int32_t result;
  if (socket->is_part) {
    if (end == IOCP_LOCAL) return share_address(socket, address_out);
    return port_fail(socket->port, -IOCP_ENOTCONN, 0);
  }
  if (socket_is_local(socket)) {
    result = engine_get_path(socket, end, &address_out->path);
    return result < 0 ? result : (int32_t)path_size(&address_out->path);
  }
  result = endpoint__ip(socket, end, &address_out->ip);
  return result < 0 ? result : (int32_t)sizeof address_out->ip;
}

int32_t endpoint_peer(struct socket* socket, struct iocp_peer* peer_out) {
  if (!socket_is_local(socket))
    return port_fail(socket->port, -IOCP_ENOTSUP, 0);
  return engine_get_peer(socket, peer_out);
}
