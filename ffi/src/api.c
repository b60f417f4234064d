/* SPDX-License-Identifier: MIT */
/*
 * The functions of iocp.h that make ports and sockets and use them; the others
 * are in api_query.c. Each one finds its port and socket, checks its arguments,
 * and calls the one function that does the work.
 */
#include "adopter.h"
#include "close.h"
#include "connector.h"
#include "find.h"
#include "listener.h"
#include "memory.h"
#include "path.h"
#include "poller.h"
#include "port_table.h"
#include "progress.h"
#include "receiver.h"
#include "sender.h"

#define API__LISTEN_FLAGS (IOCP_IPV6_ONLY | IOCP_REUSE_PORT | IOCP_ALL_NO_DELAY)
#define API__LISTEN_PATH_FLAGS (IOCP_REPLACE_STALE | IOCP_EVERYONE)

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

int32_t iocp_listen_path(int32_t port_id,
                         const void* path,
                         uint32_t backlog,
                         uint32_t flags,
                         uint32_t mode,
                         const void* access,
                         uint32_t access_length) {
  int32_t error;
  struct iocp_path name;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (path == NULL || (access == NULL && access_length != 0))
    return port_fail(port, -IOCP_EFAULT, 0);
  if ((flags & ~(uint32_t)API__LISTEN_PATH_FLAGS) != 0)
    return port_fail(port, -IOCP_EINVAL, 0);
  int32_t result = path_read(path, &name);
  if (result < 0) return port_fail(port, result, 0);
  struct path_access who = {.flags = flags,
                            .mode = mode,
                            .sddl = access,
                            .sddl_length = access_length};
  return listener_open_path(port, &name, backlog, &who);
}

int32_t iocp_add_listener(int32_t port_id, double os_socket, uint32_t flags) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if ((flags & ~(uint32_t)(IOCP_ALL_NO_DELAY | IOCP_DETACHED)) != 0)
    return port_fail(port, -IOCP_EINVAL, 0);
  return listener_add(port, os_socket, flags);
}

int32_t iocp_accept(int32_t port_id, int32_t socket_id, uint32_t count) {
  int32_t error;
  struct socket* listener = find_open(port_id, socket_id, &error);
  if (listener == NULL) return error;
  if (listener->state != SOCKET_LISTENING || count > IOCP_ACCEPT_MAX)
    return port_fail(listener->port, -IOCP_EINVAL, 0);
  return listener_set_accepts(listener, count);
}

int32_t iocp_stop(int32_t port_id, int32_t socket_id) {
  int32_t error;
  struct socket* listener = find_open(port_id, socket_id, &error);
  if (listener == NULL) return error;
  if (listener->state != SOCKET_LISTENING)
    return port_fail(listener->port, -IOCP_EINVAL, 0);
  return listener_stop(listener);
}

/* The family is the first field of every address. */
static bool api__is_local(const void* address) {
  uint16_t family;
  memory_copy(&family, address, sizeof family);
  return family == IOCP_UNIX || family == IOCP_PIPE;
}

static int32_t api__connect_path(struct port* port,
                                 const void* remote,
                                 const void* local) {
  struct iocp_path name;
  if (local != NULL) return port_fail(port, -IOCP_EINVAL, 0);
  int32_t result = path_read(remote, &name);
  if (result < 0) return port_fail(port, result, 0);
  return connector_start_path(port, &name);
}

int32_t iocp_connect(int32_t port_id, const void* remote, const void* local) {
  int32_t error;
  struct iocp_address to, from;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (remote == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  if (api__is_local(remote)) return api__connect_path(port, remote, local);
  memory_copy(&to, remote, sizeof to);
  if (local != NULL) memory_copy(&from, local, sizeof from);
  return connector_start(port, &to, local != NULL ? &from : NULL);
}

/* ---- moving bytes */

int32_t iocp_receive(int32_t port_id, int32_t socket_id, uint32_t bytes) {
  int32_t error;
  struct socket* socket = find_receiver(port_id, socket_id, &error);
  return socket == NULL ? error : receiver_add_credit(socket, bytes);
}

int32_t iocp_read(int32_t port_id,
                  int32_t socket_id,
                  void* buffer,
                  uint32_t offset,
                  uint32_t length) {
  int32_t error;
  struct socket* socket = find_stream(port_id, socket_id, &error);
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
  struct socket* socket = find_stream(port_id, socket_id, &error);
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
  struct socket* socket = find_stream(port_id, socket_id, &error);
  return socket == NULL ? error : progress_made(socket);
}

int32_t iocp_shutdown(int32_t port_id, int32_t socket_id) {
  int32_t error;
  struct socket* socket = find_stream(port_id, socket_id, &error);
  return socket == NULL ? error : sender_shutdown(socket);
}

int32_t iocp_close(int32_t port_id,
                   int32_t socket_id,
                   uint32_t mode,
                   uint32_t timeout_ms) {
  int32_t error;
  struct socket* socket = find_socket(port_id, socket_id, &error);
  if (socket == NULL) return error;
  if (mode > IOCP_DETACH) return port_fail(socket->port, -IOCP_EINVAL, 0);
  return close_socket(socket, mode, timeout_ms);
}
