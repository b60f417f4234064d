/* SPDX-License-Identifier: MIT */
/* Names and options of a socket. */
#include "engine.h"
#include "memory.h"
#include "port_table.h"

/* Any socket whose handle is still open. */
static struct socket* option__find(int32_t port_name,
                                   int32_t name,
                                   int32_t* error) {
  struct port* port = port_table_find(port_name, error);
  if (port == NULL) return NULL;
  struct socket* socket = socket_find(port, name);
  if (socket != NULL && socket->state != SOCKET_CLOSING) return socket;
  *error = port_fail(port, -IOCP_EBADF, 0);
  return NULL;
}

int32_t iocp_name(int32_t port, int32_t name, uint32_t end, void* address) {
  int32_t error;
  struct socket* socket = option__find(port, name, &error);
  if (socket == NULL) return error;
  if (address == NULL) return port_fail(socket->port, -IOCP_EFAULT, 0);
  if (end > IOCP_PEER) return port_fail(socket->port, -IOCP_EINVAL, 0);
  struct iocp_address name_out;
  memory_zero(&name_out, sizeof name_out);
  int32_t result = 0;
  if (end == IOCP_PEER && socket->peer.family != 0)
    name_out = socket->peer;
  else
    result = engine_name(socket, end, &name_out);
  if (result >= 0) memory_copy(address, &name_out, sizeof name_out);
  return result;
}

int32_t iocp_set_option(int32_t port,
                        int32_t name,
                        uint32_t option,
                        int32_t value) {
  int32_t error;
  struct socket* socket = option__find(port, name, &error);
  return socket == NULL ? error : engine_set_option(socket, option, value);
}

int32_t iocp_get_option(int32_t port, int32_t name, uint32_t option) {
  int32_t error;
  struct socket* socket = option__find(port, name, &error);
  return socket == NULL ? error : engine_get_option(socket, option);
}
