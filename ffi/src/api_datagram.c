/* SPDX-License-Identifier: MIT */
/* The functions of iocp.h for datagram sockets. */
#include "datagram.h"
#include "datagram_memory.h"
#include "datagram_sender.h"
#include "engine.h"
#include "find.h"
#include "memory.h"
#include "path.h"
#include "port_table.h"
#include "send_copy.h"

#define API_DATAGRAM__IP_FLAGS \
  (IOCP_IPV6_ONLY | IOCP_REUSE_PORT | IOCP_REUSE_ADDRESS)
#define API_DATAGRAM__PATH_FLAGS IOCP_REPLACE_STALE
#define API_DATAGRAM__MODE_MAX 0777

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
  if (family == IOCP_IPV4 || family == IOCP_IPV6) {
    memory_copy(&to->header.from, from, sizeof to->header.from);
    return 0;
  }
  if (family != IOCP_UNIX) return -IOCP_EAFNOSUPPORT;
  int32_t result = path_read(from, &to->path);
  to->header.from.family = family;
  to->header.from.port = to->path.length;
  return result;
}

/* The same for a destination, which must be one that the socket can send to:
 * the system is not asked about a datagram that waits behind others. */
static int32_t api_datagram__read_destination(
    const struct socket* socket,
    const void* from,
    struct api_datagram__address* to) {
  int32_t result = api_datagram__read(from, to);
  if (result < 0) return result;
  uint16_t family = to->header.from.family;
  bool is_mapped = family == IOCP_IPV4 && socket->family == IOCP_IPV6;
  if (family != socket->family && !is_mapped) return -IOCP_EAFNOSUPPORT;
  return datagram_path_length(&to->header) > IOCP_DATAGRAM_PATH_MAX
             ? -IOCP_ENAMETOOLONG
             : 0;
}

/* ---- making sockets */

static bool api_datagram__is_multicast(const struct iocp_address* address) {
  return address->family == IOCP_IPV4 ? (address->bytes[0] & 0xf0) == 0xe0
                                      : address->bytes[0] == 0xff;
}

static bool api_datagram__may_bind(const struct api_datagram__address* at,
                                   uint32_t flags,
                                   uint32_t mode) {
  if (at->header.from.family == IOCP_UNIX)
    return (flags & ~(uint32_t)API_DATAGRAM__PATH_FLAGS) == 0 &&
           (mode == IOCP_MODE_DEFAULT || mode <= API_DATAGRAM__MODE_MAX);
  return (flags & ~(uint32_t)API_DATAGRAM__IP_FLAGS) == 0 &&
         ((flags & IOCP_REUSE_ADDRESS) == 0 ||
          api_datagram__is_multicast(&at->header.from));
}

/* A unix socket without a name, which path_read() refuses. */
static bool api_datagram__is_unnamed(const void* address) {
  uint16_t head[2];
  memory_copy(head, address, sizeof head);
  return head[0] == IOCP_UNIX && head[1] == 0;
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
  int32_t result = 0;
  if (api_datagram__is_unnamed(address)) {
    at.header = (struct iocp_datagram){.from.family = IOCP_UNIX};
    at.path.length = 0;
  } else {
    result = api_datagram__read(address, &at);
  }
  if (result < 0) return port_fail(port, result, 0);
  if (!api_datagram__may_bind(&at, flags, mode))
    return port_fail(port, -IOCP_EINVAL, 0);
  bool is_unix = at.header.from.family == IOCP_UNIX;
  struct path_access access = {.flags = flags, .mode = mode};
  return datagram_open(
      port, &at.header.from, is_unix ? &at.path : NULL, &access);
}

/* ---- datagrams */

int32_t iocp_receive_from(int32_t port_id,
                          int32_t socket_id,
                          void* buffer,
                          uint32_t offset,
                          uint32_t length,
                          void* datagram) {
  int32_t error;
  struct socket* socket = find_datagram(port_id, socket_id, &error);
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
  struct socket* socket = find_datagram(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (buffer == NULL && length != 0)
    return port_fail(socket->port, -IOCP_EFAULT, 0);
  if (length > IOCP_SEND_MAX) return port_fail(socket->port, -IOCP_EMSGSIZE, 0);
  memory_zero(&to.header, sizeof to.header);
  if (address != NULL) {
    error = api_datagram__read_destination(socket, address, &to);
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
  struct socket* socket = find_datagram(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (datagrams == NULL) return port_fail(socket->port, -IOCP_EFAULT, 0);
  return datagram_send_many(socket, datagrams, length, count);
}

int32_t iocp_connect_datagram(int32_t port_id,
                              int32_t socket_id,
                              const void* address) {
  int32_t error;
  struct api_datagram__address to;
  struct socket* socket = find_datagram(port_id, socket_id, &error);
  if (socket == NULL) return error;
  /* A copy without a destination of its own would go to the new peer. */
  if (send_copy_first(socket) != NULL)
    return port_fail(socket->port, -IOCP_EBUSY, 0);
  if (address == NULL) return engine_connect_datagram(socket, NULL, NULL);
  error = api_datagram__read_destination(socket, address, &to);
  if (error < 0) return port_fail(socket->port, error, 0);
  return engine_connect_datagram(socket, &to.header, to.path.bytes);
}

/* An IPv6 socket can join groups of both families. */
static bool api_datagram__has_groups(const struct socket* socket,
                                     uint16_t family) {
  if (socket_is_local(socket)) return false;
  return family == IOCP_IPV4 ||
         (family == IOCP_IPV6 && socket->family == IOCP_IPV6);
}

int32_t iocp_membership(int32_t port_id,
                        int32_t socket_id,
                        const void* group,
                        const void* source,
                        uint32_t interface_index,
                        uint32_t joins) {
  int32_t error;
  struct iocp_address of, from;
  struct socket* socket = find_datagram(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (group == NULL) return port_fail(socket->port, -IOCP_EFAULT, 0);
  if (joins > 1) return port_fail(socket->port, -IOCP_EINVAL, 0);
  memory_copy(&of, group, sizeof of);
  if (source != NULL) memory_copy(&from, source, sizeof from);
  if (!api_datagram__has_groups(socket, of.family) ||
      (source != NULL && from.family != of.family))
    return port_fail(socket->port, -IOCP_EAFNOSUPPORT, 0);
  if (!api_datagram__is_multicast(&of))
    return port_fail(socket->port, -IOCP_EINVAL, 0);
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
