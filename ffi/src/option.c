/* SPDX-License-Identifier: MIT */
/* Names, options and counters of a socket. */
#include "engine.h"
#include "listener.h"
#include "memory.h"
#include "port_table.h"

/* Any socket whose handle is still open. */
static struct socket* option__find(int32_t port_name,
                                   int32_t name,
                                   int32_t* error) {
  struct port* port = port_table_find(port_name, error);
  if (port == NULL) return NULL;
  struct socket* socket = socket_find_told(port, name);
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
  else if (end == IOCP_LOCAL && socket->local_known)
    name_out = socket->local;
  else
    result = engine_name(socket, end, &name_out);
  if (result >= 0) memory_copy(address, &name_out, sizeof name_out);
  return result;
}

/* ---- options */

enum option__owner { OPTION_SYSTEM, OPTION_LIBRARY };
enum option__scope { OPTION_SOCKET, OPTION_LISTENER };

struct option__row {
  enum option__owner owner;
  enum option__scope scope;
  int32_t min;
  int32_t max;
};

/* By their numbers. */
static const struct option__row option__rows[] = {
#define OPTION__ROW(name, number, owner, scope, min, max) \
  [number] = {OPTION_##owner, OPTION_##scope, min, max},
    IOCP_OPTIONS(OPTION__ROW)
#undef OPTION__ROW
};

/* NULL: the socket has no such option. */
static const struct option__row* option__row_of(const struct socket* socket,
                                                uint32_t option) {
  size_t count = sizeof option__rows / sizeof option__rows[0];
  if (option == 0 || option >= count) return NULL;
  const struct option__row* row = &option__rows[option];
  bool fits = row->scope == OPTION_SOCKET || socket->is_listener;
  return fits ? row : NULL;
}

static int32_t option__set(struct socket* socket,
                           uint32_t option,
                           int32_t value) {
  switch (option) {
    case IOCP_RECEIVE_BUFFER:
      socket->receive_buffer = (uint32_t)value;
      return 0;
    case IOCP_RECEIVE_DEPTH:
      socket->receive_depth = (uint16_t)value;
      return 0;
    case IOCP_SEND_CONCURRENCY:
      socket->send_concurrency = (uint16_t)value;
      return 0;
    case IOCP_GROUP:
      if (value != 0 && !group_is_open(&socket->port->groups, (uint32_t)value))
        return port_fail(socket->port, -IOCP_EINVAL, 0);
      socket->group = (uint16_t)value;
      return 0;
    case IOCP_DEFER_ACCEPT:
      socket->defers_accept = value != 0;
      listener_arm(socket);
      return engine_defer_accept(socket);
    case IOCP_FIRST_BYTE_TIMEOUT:
      socket->first_byte_timeout_ms = (uint32_t)value;
      listener_arm(socket);
      return engine_defer_accept(socket);
    default:
      return engine_set_backlog(socket, (uint32_t)value);
  }
}

static int32_t option__get(const struct socket* socket, uint32_t option) {
  switch (option) {
    case IOCP_RECEIVE_BUFFER:
      return (int32_t)socket->receive_buffer;
    case IOCP_RECEIVE_DEPTH:
      return socket->receive_depth;
    case IOCP_SEND_CONCURRENCY:
      return socket->send_concurrency;
    case IOCP_DEFER_ACCEPT:
      return socket->defers_accept;
    case IOCP_FIRST_BYTE_TIMEOUT:
      return (int32_t)socket->first_byte_timeout_ms;
    default:
      return (int32_t)socket->backlog;
  }
}

int32_t iocp_set_option(int32_t port,
                        int32_t name,
                        uint32_t option,
                        int32_t value) {
  int32_t error;
  struct socket* socket = option__find(port, name, &error);
  if (socket == NULL) return error;
  const struct option__row* row = option__row_of(socket, option);
  if (row == NULL || value < row->min || value > row->max)
    return port_fail(socket->port, -IOCP_EINVAL, 0);
  return row->owner == OPTION_SYSTEM ? engine_set_option(socket, option, value)
                                     : option__set(socket, option, value);
}

/* Also of a socket that closes, which its group still has. */
static int32_t option__group(int32_t port_name, int32_t name) {
  int32_t error;
  struct port* port = port_table_find(port_name, &error);
  if (port == NULL) return error;
  struct socket* socket = socket_find_told(port, name);
  return socket == NULL ? port_fail(port, -IOCP_EBADF, 0) : socket->group;
}

int32_t iocp_get_option(int32_t port, int32_t name, uint32_t option) {
  int32_t error;
  if (option == IOCP_GROUP) return option__group(port, name);
  struct socket* socket = option__find(port, name, &error);
  if (socket == NULL) return error;
  const struct option__row* row = option__row_of(socket, option);
  if (row == NULL) return port_fail(socket->port, -IOCP_EINVAL, 0);
  if (row->owner != OPTION_SYSTEM) return option__get(socket, option);
  int32_t value = engine_get_option(socket, option);
  /* Some systems return another number than 1 for what is on. */
  return value > 0 && row->max == 1 ? 1 : value;
}

/* ---- counters */

int32_t iocp_socket_stats(int32_t port, int32_t name, void* stats) {
  int32_t error;
  struct socket* socket = option__find(port, name, &error);
  if (socket == NULL) return error;
  if (stats == NULL) return port_fail(socket->port, -IOCP_EFAULT, 0);
  struct iocp_socket_stats now = {
      .sends = socket->kept_count,
      .bytes_kept = socket->kept_bytes,
      .bytes_received = (double)socket->stats.bytes_received,
      .bytes_sent = (double)socket->stats.bytes_sent,
      .accepts_deferred = socket->deferred_count,
      .accepted = (double)socket->stats.accepted,
      .accept_failures = (double)socket->stats.accept_failures,
      .silent = (double)socket->stats.silent,
  };
  engine_stats(socket, &now);
  memory_copy(stats, &now, sizeof now);
  return 0;
}
