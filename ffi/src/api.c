/* SPDX-License-Identifier: MIT */
/*
 * The functions of iocp.h. Each one finds its port and socket, checks its
 * arguments, and calls the one function that does the work.
 */
#include "adopter.h"
#include "close.h"
#include "close_all.h"
#include "connector.h"
#include "endpoint.h"
#include "engine.h"
#include "listener.h"
#include "memory.h"
#include "option.h"
#include "poller.h"
#include "port_table.h"
#include "progress.h"
#include "receiver.h"
#include "sender.h"
#include "stats.h"

#define API__LISTEN_FLAGS (IOCP_IPV6_ONLY | IOCP_REUSE_PORT | IOCP_ALL_NO_DELAY)

/* ---- finding: each returns NULL and the error when there is none */

/* Any socket that was reported. */
static struct socket* api__find(int32_t port_id,
                                int32_t socket_id,
                                int32_t* error) {
  struct port* port = port_table_find(port_id, error);
  if (port == NULL) return NULL;
  struct socket* socket = socket_find_reported(port, socket_id);
  if (socket == NULL) *error = port_fail(port, -IOCP_EBADF, 0);
  return socket;
}

/* One that is not closing, so that it has a handle. */
static struct socket* api__find_open(int32_t port_id,
                                     int32_t socket_id,
                                     int32_t* error) {
  struct socket* socket = api__find(port_id, socket_id, error);
  if (socket == NULL || socket->state != SOCKET_CLOSING) return socket;
  *error = port_fail(socket->port, -IOCP_EBADF, 0);
  return NULL;
}

/* One that is a connected stream. */
static struct socket* api__find_stream(int32_t port_id,
                                       int32_t socket_id,
                                       int32_t* error) {
  struct socket* socket = api__find_open(port_id, socket_id, error);
  if (socket == NULL ||
      (socket->state == SOCKET_STREAM && socket->connect_result == 0))
    return socket;
  *error = port_fail(socket->port, -IOCP_ENOTCONN, 0);
  return NULL;
}

/* ---- the library and the port */

uint32_t iocp_abi(void) { return IOCP_ABI; }

int32_t iocp_new(uint32_t realm) { return port_new(realm); }

int32_t iocp_delete(int32_t port_id) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  port_delete(port);
  return 0;
}

int32_t iocp_poll(int32_t port_id,
                  void* events,
                  uint32_t capacity,
                  void* slab,
                  uint32_t offset,
                  uint32_t length) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (events == NULL || (slab == NULL && length != 0))
    return port_fail(port, -IOCP_EFAULT, 0);
  /* Offsets in the header and in records are signed numbers. */
  if (capacity == 0 || capacity > POLLER_CAPACITY_MAX || offset > length ||
      length > INT32_MAX || (uintptr_t)events % sizeof(int32_t) != 0)
    return port_fail(port, -IOCP_EINVAL, 0);
  struct batch batch = {
      .header = events,
      .records = (struct iocp_record*)((struct iocp_header*)events + 1),
      .capacity = capacity,
      .slab = slab,
      .offset = offset,
      .length = length};
  poller_poll(port, &batch);
  return (int32_t)batch.count;
}

int32_t iocp_wait(int32_t port_id, int32_t timeout_ms) {
  return port_wait(port_id, timeout_ms);
}

int32_t iocp_wait_here(int32_t port_id, uint32_t timeout_us) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (timeout_us > IOCP_WAIT_HERE_MAX) return port_fail(port, -IOCP_EINVAL, 0);
  return port_wait_here(port, timeout_us);
}

int32_t iocp_wake(int32_t port_id) { return port_wake(port_id); }

int32_t iocp_native_error(int32_t port_id) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  return port == NULL ? error : port->native_error;
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

/* ---- making sockets; addresses may be at any alignment */

int32_t iocp_add_socket(int32_t port_id, double os_socket, uint32_t flags) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if ((flags & ~(uint32_t)IOCP_DETACHED) != 0)
    return port_fail(port, -IOCP_EINVAL, 0);
  return adopter_add(port, os_socket, flags);
}

int32_t iocp_listen(int32_t port_id,
                    const void* address,
                    uint32_t backlog,
                    uint32_t flags) {
  int32_t error;
  struct iocp_address at;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (address == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  if ((flags & ~(uint32_t)API__LISTEN_FLAGS) != 0)
    return port_fail(port, -IOCP_EINVAL, 0);
  memory_copy(&at, address, sizeof at);
  return listener_open(port, &at, backlog, flags);
}

int32_t iocp_accept(int32_t port_id, int32_t socket_id, uint32_t count) {
  int32_t error;
  struct socket* listener = api__find_open(port_id, socket_id, &error);
  if (listener == NULL) return error;
  if (listener->state != SOCKET_LISTENING || count > IOCP_ACCEPT_MAX)
    return port_fail(listener->port, -IOCP_EINVAL, 0);
  listener_set_accepts(listener, count);
  return 0;
}

int32_t iocp_connect(int32_t port_id, const void* remote, const void* local) {
  int32_t error;
  struct iocp_address to, from;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (remote == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  memory_copy(&to, remote, sizeof to);
  if (local != NULL) memory_copy(&from, local, sizeof from);
  return connector_start(port, &to, local != NULL ? &from : NULL);
}

/* ---- moving bytes */

int32_t iocp_receive(int32_t port_id, int32_t socket_id, uint32_t bytes) {
  int32_t error;
  struct socket* socket = api__find_stream(port_id, socket_id, &error);
  return socket == NULL ? error : receiver_add_credit(socket, bytes);
}

int32_t iocp_read(int32_t port_id,
                  int32_t socket_id,
                  void* buffer,
                  uint32_t offset,
                  uint32_t length) {
  int32_t error;
  struct socket* socket = api__find_stream(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (buffer == NULL) return port_fail(socket->port, -IOCP_EFAULT, 0);
  if (length == 0) return port_fail(socket->port, -IOCP_EINVAL, 0);
  return receiver_read(socket, (uint8_t*)buffer + offset, length);
}

int32_t iocp_send(int32_t port_id,
                  int32_t socket_id,
                  const void* buffer,
                  uint32_t offset,
                  uint32_t length) {
  int32_t error;
  struct socket* socket = api__find_stream(port_id, socket_id, &error);
  return socket == NULL ? error : sender_send(socket, buffer, offset, length);
}

int32_t iocp_broadcast(int32_t port_id,
                       const void* sockets,
                       void* results,
                       uint32_t count,
                       const void* buffer,
                       uint32_t offset,
                       uint32_t length) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (count > INT32_MAX) return port_fail(port, -IOCP_EINVAL, 0);
  if (count != 0 && (sockets == NULL || results == NULL))
    return port_fail(port, -IOCP_EFAULT, 0);
  const int32_t* ids = sockets;
  int32_t* sent = results;
  int32_t others = 0;
  for (uint32_t i = 0; i < count; i++) {
    sent[i] = iocp_send(port_id, ids[i], buffer, offset, length);
    /* Negative results have the bit of IOCP_PENDING as well. */
    others += (sent[i] & IOCP_PENDING) != 0 || (uint32_t)sent[i] != length;
  }
  return others;
}

int32_t iocp_progress(int32_t port_id, int32_t socket_id) {
  int32_t error;
  struct socket* socket = api__find_stream(port_id, socket_id, &error);
  return socket == NULL ? error : progress_made(socket);
}

int32_t iocp_shutdown(int32_t port_id, int32_t socket_id) {
  int32_t error;
  struct socket* socket = api__find_stream(port_id, socket_id, &error);
  return socket == NULL ? error : sender_shutdown(socket);
}

int32_t iocp_close(int32_t port_id,
                   int32_t socket_id,
                   uint32_t mode,
                   uint32_t timeout_ms) {
  int32_t error;
  struct socket* socket = api__find(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (mode > IOCP_DETACH) return port_fail(socket->port, -IOCP_EINVAL, 0);
  return close_socket(socket, mode, timeout_ms);
}

/* ---- addresses, options, counters */

int32_t iocp_get_address(int32_t port_id,
                         int32_t socket_id,
                         uint32_t end,
                         void* address) {
  int32_t error;
  struct iocp_address at;
  struct socket* socket = api__find_open(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (address == NULL) return port_fail(socket->port, -IOCP_EFAULT, 0);
  if (end > IOCP_PEER) return port_fail(socket->port, -IOCP_EINVAL, 0);
  int32_t result = endpoint_address(socket, end, &at);
  if (result >= 0) memory_copy(address, &at, sizeof at);
  return result;
}

int32_t iocp_set_option(int32_t port_id,
                        int32_t socket_id,
                        uint32_t option,
                        int32_t value) {
  int32_t error;
  struct socket* socket = api__find_open(port_id, socket_id, &error);
  return socket == NULL ? error : option_set(socket, option, value);
}

int32_t iocp_get_option(int32_t port_id, int32_t socket_id, uint32_t option) {
  int32_t error;
  /* A closing socket is still in its group. */
  struct socket* socket = option == IOCP_GROUP
                              ? api__find(port_id, socket_id, &error)
                              : api__find_open(port_id, socket_id, &error);
  return socket == NULL ? error : option_get(socket, option);
}

int32_t iocp_socket_stats(int32_t port_id, int32_t socket_id, void* stats) {
  int32_t error;
  struct socket* socket = api__find_open(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (stats == NULL) return port_fail(socket->port, -IOCP_EFAULT, 0);
  struct iocp_socket_stats now;
  stats_of_socket(socket, &now);
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
