/* SPDX-License-Identifier: MIT */
#include "endpoint.h"

#include "engine.h"

int32_t endpoint_address(struct socket* socket,
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
