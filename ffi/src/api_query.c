/* SPDX-License-Identifier: MIT */
/* The functions of iocp.h that ask about a socket, a port, a group or a host,
 * and those that change an option or a group. */
#include "close_all.h"
#include "endpoint.h"
#include "engine.h"
#include "find.h"
#include "memory.h"
#include "option.h"
#include "port_table.h"
#include "stats.h"

/* ---- addresses, options, counters */

int32_t iocp_get_address(int32_t port_id,
                         int32_t socket_id,
                         uint32_t end,
                         void* address,
                         uint32_t capacity) {
  int32_t error;
  union endpoint at;
  struct socket* socket = find_open(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (address == NULL) return port_fail(socket->port, -IOCP_EFAULT, 0);
  if (end > IOCP_PEER) return port_fail(socket->port, -IOCP_EINVAL, 0);
  int32_t size = endpoint_address(socket, end, &at);
  if (size < 0) return size;
  if (capacity < (uint32_t)size)
    return port_fail(socket->port, -IOCP_EINVAL, 0);
  memory_copy(address, &at, (uint32_t)size);
  return size;
}

int32_t iocp_get_peer(int32_t port_id, int32_t socket_id, void* peer) {
  int32_t error;
  struct iocp_peer process;
  struct socket* socket = find_stream(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (peer == NULL) return port_fail(socket->port, -IOCP_EFAULT, 0);
  int32_t result = endpoint_peer(socket, &process);
  if (result >= 0) memory_copy(peer, &process, sizeof process);
  return result;
}

int32_t iocp_set_option(int32_t port_id,
                        int32_t socket_id,
                        uint32_t option,
                        int32_t value) {
  int32_t error;
  struct socket* socket = find_open(port_id, socket_id, &error);
  return socket == NULL ? error : option_set(socket, option, value);
}

int32_t iocp_get_option(int32_t port_id, int32_t socket_id, uint32_t option) {
  int32_t error;
  /* A closing socket is still in its group. */
  struct socket* socket = option == IOCP_GROUP
                              ? find_socket(port_id, socket_id, &error)
                              : find_open(port_id, socket_id, &error);
  return socket == NULL ? error : option_get(socket, option);
}

int32_t iocp_socket_stats(int32_t port_id, int32_t socket_id, void* stats) {
  int32_t error;
  struct socket* socket = find_open(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (stats == NULL) return port_fail(socket->port, -IOCP_EFAULT, 0);
  struct iocp_socket_stats now;
  stats_of_socket(socket, &now);
  memory_copy(stats, &now, sizeof now);
  return 0;
}

int32_t iocp_tcp_info(int32_t port_id, int32_t socket_id, void* info) {
  int32_t error;
  struct socket* socket = find_stream(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (info == NULL) return port_fail(socket->port, -IOCP_EFAULT, 0);
  if (socket_is_local(socket)) return port_fail(socket->port, -IOCP_ENOTSUP, 0);
  struct iocp_tcp_info now;
  int32_t result = engine_tcp_info(socket, &now);
  if (result >= 0) memory_copy(info, &now, sizeof now);
  return result;
}

int32_t iocp_stats(int32_t port_id, void* stats) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (stats == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  struct iocp_stats now;
  stats_of_port(port, &now);
  memory_copy(stats, &now, sizeof now);
  return 0;
}

int32_t iocp_resolve(const void* name,
                     uint32_t length,
                     void* addresses,
                     uint32_t capacity) {
  char text[ENGINE_HOST_NAME_MAX + 1];
  if (name == NULL || addresses == NULL) return -IOCP_EFAULT;
  if (length == 0 || length > ENGINE_HOST_NAME_MAX || capacity == 0)
    return -IOCP_EINVAL;
  memory_copy(text, name, length);
  text[length] = 0;
  /* The system would stop at a zero byte and resolve a different name. */
  for (uint32_t i = 0; i < length; i++)
    if (text[i] == 0) return -IOCP_EINVAL;
  return engine_resolve(text, addresses, capacity);
}

/* ---- groups */

int32_t iocp_group_new(int32_t port_id) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  int32_t result = group_open(&port->groups);
  return result < 0 ? port_fail(port, result, 0) : result;
}

int32_t iocp_group_close(int32_t port_id, uint32_t group) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (!group_is_open(&port->groups, group))
    return port_fail(port, -IOCP_EINVAL, 0);
  close_all(port, group);
  group_close(&port->groups, group);
  return 0;
}

int32_t iocp_group_stats(int32_t port_id, uint32_t group, void* stats) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (stats == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  if (!group_is_open(&port->groups, group))
    return port_fail(port, -IOCP_EINVAL, 0);
  struct iocp_stats now;
  stats_of_group(port, group, &now);
  memory_copy(stats, &now, sizeof now);
  return 0;
}
