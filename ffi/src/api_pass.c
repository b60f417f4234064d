/* SPDX-License-Identifier: MIT */
/* The functions of iocp.h that pass sockets to other processes, and those that
 * hand out connections to other threads. */
#include "engine.h"
#include "find.h"
#include "port_table.h"
#include "share.h"

int32_t iocp_inbox(int32_t port_id, void* address, uint32_t capacity) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (address == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  if (capacity < IOCP_INBOX_MAX) return port_fail(port, -IOCP_EINVAL, 0);
  return engine_inbox(port, address);
}

/* The handle of a listener, or a negative error. */
static double api__listener_handle(int32_t port_id, int32_t socket_id) {
  int32_t error;
  struct socket* socket = find_open(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (socket->state != SOCKET_LISTENING)
    return port_fail(socket->port, -IOCP_EINVAL, 0);
  if (socket->is_part) return port_fail(socket->port, -IOCP_ENOTSUP, 0);
  return engine_listener_handle(socket);
}

int32_t iocp_pass(int32_t port_id,
                  int32_t socket_id,
                  double os_socket,
                  const void* address,
                  uint32_t length,
                  void* ticket,
                  uint32_t capacity) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (address == NULL || ticket == NULL)
    return port_fail(port, -IOCP_EFAULT, 0);
  if (length == 0 || length > IOCP_INBOX_MAX || capacity < IOCP_TICKET_MAX)
    return port_fail(port, -IOCP_EINVAL, 0);
  if (socket_id != -1) {
    os_socket = api__listener_handle(port_id, socket_id);
    if (os_socket < 0) return (int32_t)os_socket;
  }
  return engine_pass(port, os_socket, address, length, ticket);
}

int32_t iocp_take(int32_t port_id, const void* ticket, uint32_t length) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (ticket == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  return engine_take(port, ticket, length);
}

int32_t iocp_drop(int32_t port_id, double os_socket) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  return engine_drop(port, os_socket);
}

int32_t iocp_share(int32_t port_id, int32_t socket_id, int32_t share) {
  int32_t error;
  struct socket* listener = find_open(port_id, socket_id, &error);
  return listener == NULL ? error : share_open(listener, share);
}

int32_t iocp_take_part(int32_t port_id, int32_t share) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  return port == NULL ? error : share_take_part(port, share);
}
