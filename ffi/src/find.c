/* SPDX-License-Identifier: MIT */
#include "find.h"

#include "close.h"
#include "port.h"
#include "port_table.h"

/* Any socket that was reported. */
struct socket* find_socket(int32_t port_id, int32_t socket_id, int32_t* error) {
  struct port* port = port_table_find(port_id, error);
  if (port == NULL) return NULL;
  struct socket* socket = socket_find_reported(port, socket_id);
  if (socket == NULL) *error = port_fail(port, -IOCP_EBADF, 0);
  return socket;
}

/* One that is not closing, so that it has a handle. */
struct socket* find_open(int32_t port_id, int32_t socket_id, int32_t* error) {
  struct socket* socket = find_socket(port_id, socket_id, error);
  if (socket == NULL || socket->state != SOCKET_CLOSING) return socket;
  *error = port_fail(socket->port, close_error(socket), 0);
  return NULL;
}

/* One that is a connected stream. */
struct socket* find_stream(int32_t port_id, int32_t socket_id, int32_t* error) {
  struct socket* socket = find_open(port_id, socket_id, error);
  if (socket == NULL ||
      (socket->state == SOCKET_STREAM && socket->connect_result == 0))
    return socket;
  *error = port_fail(socket->port, -IOCP_ENOTCONN, 0);
  return NULL;
}

struct socket* find_datagram(int32_t port_id,
                             int32_t socket_id,
                             int32_t* error) {
  struct socket* socket = find_open(port_id, socket_id, error);
  if (socket == NULL || socket->is_datagram) return socket;
  *error = port_fail(socket->port, -IOCP_EINVAL, 0);
  return NULL;
}

struct socket* find_receiver(int32_t port_id,
                             int32_t socket_id,
                             int32_t* error) {
  struct socket* socket = find_open(port_id, socket_id, error);
  if (socket == NULL || socket->is_datagram ||
      (socket->state == SOCKET_STREAM && socket->connect_result == 0))
    return socket;
  *error = port_fail(socket->port, -IOCP_ENOTCONN, 0);
  return NULL;
}
