/* SPDX-License-Identifier: MIT */
#include "adopter.h"

#include "engine.h"

int32_t adopter_add(struct port* port, double os_socket, uint32_t flags) {
  struct socket* socket = socket_new(port, SOCKET_STREAM);
  if (socket == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  int32_t result = engine_adopt(socket, os_socket, flags);
  if (result >= 0) return socket->id;
  socket_free(socket);
  return result;
}
