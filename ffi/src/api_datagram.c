/* SPDX-License-Identifier: MIT */
/* The functions of iocp.h for datagram sockets. */
#include "datagram.h"
#include "datagram_sender.h"
#include "engine.h"
#include "memory.h"
#include "path.h"
#include "port_table.h"

#define API_DATAGRAM__BIND_FLAGS                             \
  (IOCP_IPV6_ONLY | IOCP_REUSE_PORT | IOCP_REPLACE_STALE | \
   IOCP_REUSE_ADDRESS)
#define API_DATAGRAM__MODE_MAX 0777

/* Returns NULL and the error when there is none. */
static struct socket* api_datagram__find(int32_t port_id,
                                         int32_t socket_id,
                                         int32_t* error) {
  struct port* port = port_table_find(port_id, error);
  if (port == NULL) return NULL;
  struct socket* socket = socket_find_reported(port, socket_id);
  if (socket == NULL || socket->state == SOCKET_CLOSING) {
    *error = port_fail(port, -IOCP_EBADF, 0);
    return NULL;
  }
  if (socket->state == SOCKET_DATAGRAM) return socket;
  *error = port_fail(port, -IOCP_EINVAL, 0);
  return NULL;
}

/* An address of the caller: a struct iocp_address or struct iocp_path. */
struct api_datagram__address {
  struct iocp_datagram header; /* with the address, and nothing else */
  struct iocp_path path;       /* if the family is IOCP_UNIX */
};

/* Returns 0 or an error. */
static int32_t api_datagram__read(const void* from,
                                  struct api_datagram__address* to) {
  uint16_t family;
  memory_zero(&to->header, sizeof to->header);
  memory_copy(&family, from, sizeof family);
  if (family != IOCP_UNIX && family != IOCP_PIPE) {
    memory_copy(&to->header.from, from, sizeof to->header.from);
    return 0;
  }
  if (family == IOCP_PIPE) return -IOCP_EAFNOSUPPORT;
  int32_t result = path_read(from, &to->path);
  to->header.from.family = family;
  to->header.from.port = to->path.length;
  return result;
}

int32_t iocp_bind(int32_t port_id,
                  const void* address,
                  uint32_t flags,
                  uint32_t mode) {
  int32_t error;
  struct api_datagram__address at;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (address == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  if ((flags & ~(uint32_t)API_DATAGRAM__BIND_FLAGS) != 0)
    return port_fail(port, -IOCP_EINVAL, 0);
  error = api_datagram__read(address, &at);
  if (error < 0) return port_fail(port, error, 0);
  bool is_unix = at.header.from.family == IOCP_UNIX;
  if (is_unix && mode != IOCP_MODE_DEFAULT && mode > API_DATAGRAM__MODE_MAX)
    return port_fail(port, -IOCP_EINVAL, 0);
  return datagram_open(
      port, &at.header.from, is_unix ? &at.path : NULL, flags, mode);
}

int32_t iocp_receive_from(int32_t port_id,
                          int32_t socket_id,
                          void* buffer,
                          uint32_t offset,
                          uint32_t length,
                          void* datagram) {
  int32_t error;
  struct socket* socket = api_datagram__find(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (buffer == NULL || datagram == NULL)
    return port_fail(socket->port, -IOCP_EFAULT, 0);
  return datagram_receive_from(
      socket, (uint8_t*)buffer + offset, length, datagram);
}

int32_t iocp_send_to(int32_t port_id,
                     int32_t socket_id,
                     const void* buffer,
                     uint32_t offset,
                     uint32_t length,
                     const void* address) {
  int32_t error;
  struct api_datagram__address to;
  struct socket* socket = api_datagram__find(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (buffer == NULL && length != 0)
    return port_fail(socket->port, -IOCP_EFAULT, 0);
  if (length > IOCP_SEND_MAX) return port_fail(socket->port, -IOCP_EMSGSIZE, 0);
  memory_zero(&to.header, sizeof to.header);
  if (address != NULL) {
    error = api_datagram__read(address, &to);
    if (error < 0) return port_fail(socket->port, error, 0);
  }
  to.header.length = length;
  const uint8_t* data = buffer;
  return datagram_send_to(
      socket, &to.header, to.path.bytes, data == NULL ? NULL : data + offset);
}

int32_t iocp_send_many(int32_t port_id,
                       int32_t socket_id,
                       const void* datagrams,
                       uint32_t length,
                       uint32_t count) {
  int32_t error;
  struct socket* socket = api_datagram__find(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (datagrams == NULL) return port_fail(socket->port, -IOCP_EFAULT, 0);
  return datagram_send_many(socket, datagrams, length, count);
}

int32_t iocp_connect_datagram(int32_t port_id,
                              int32_t socket_id,
                              const void* address) {
  int32_t error;
  struct api_datagram__address to;
  struct socket* socket = api_datagram__find(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (address == NULL) return engine_connect_datagram(socket, NULL, NULL);
  error = api_datagram__read(address, &to);
  if (error < 0) return port_fail(socket->port, error, 0);
  return engine_connect_datagram(socket, &to.header, to.path.bytes);
}

int32_t iocp_membership(int32_t port_id,
                        int32_t socket_id,
                        const void* group,
                        const void* source,
                        uint32_t interface_index,
                        uint32_t joins) {
  int32_t error;
  struct iocp_address of, from;
  struct socket* socket = api_datagram__find(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (group == NULL) return port_fail(socket->port, -IOCP_EFAULT, 0);
  if (joins > 1) return port_fail(socket->port, -IOCP_EINVAL, 0);
  memory_copy(&of, group, sizeof of);
  if (source != NULL) memory_copy(&from, source, sizeof from);
  return engine_membership(
      socket, &of, source == NULL ? NULL : &from, interface_index, joins != 0);
}

int32_t iocp_interface_index(int32_t port_id, const void* address) {
  int32_t error;
  struct iocp_address of;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (address == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  memory_copy(&of, address, sizeof of);
  return engine_interface_index(port, &of);
}
