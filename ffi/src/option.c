/* SPDX-License-Identifier: MIT */
#include "option.h"

#include "engine.h"
#include "listener.h"

enum option__owner { OPTION_SYSTEM, OPTION_LIBRARY };
enum option__scope {
  OPTION_SOCKET,
  OPTION_LISTENER,
  OPTION_DATAGRAM,
  OPTION_ALL
};

struct option__row {
  uint32_t number;
  enum option__owner owner;
  enum option__scope scope;
  int32_t min;
  int32_t max;
};

/* By number. */
static const struct option__row option__rows[] = {
#define OPTION__ROW(name, number, owner, scope, min, max) \
  [number] = {number, OPTION_##owner, OPTION_##scope, min, max},
    IOCP_OPTIONS(OPTION__ROW)
#undef OPTION__ROW
};

static bool option__fits(const struct socket* socket,
                         enum option__scope scope) {
  switch (scope) {
    case OPTION_SOCKET:
      return !socket->is_datagram;
    case OPTION_LISTENER:
      return socket->is_listener;
    case OPTION_DATAGRAM:
      return socket->is_datagram;
    case OPTION_ALL:
      return true;
  }
  return false;
}

/* The options of the system are those of TCP and IP, and a part of a share has
 * no socket of the system. */
static bool option__is_lacking(const struct socket* socket,
                               const struct option__row* row) {
  if (row->owner != OPTION_SYSTEM) return false;
  if (socket->is_part) return true;
  return socket_is_local(socket) &&
         !(row->number == IOCP_SYSTEM_RECEIVE_BUFFER ||
           row->number == IOCP_SYSTEM_SEND_BUFFER);
}

/* NULL: the socket has no such option. */
static const struct option__row* option__row_of(const struct socket* socket,
                                                uint32_t option) {
  size_t count = sizeof option__rows / sizeof option__rows[0];
  if (option == 0 || option >= count) return NULL;
  const struct option__row* row = &option__rows[option];
  return option__fits(socket, row->scope) ? row : NULL;
}

static int32_t option__set_group(struct socket* socket, uint32_t group) {
  if (group != 0 && !group_is_open(&socket->port->groups, group))
    return port_fail(socket->port, -IOCP_EINVAL, 0);
  socket->group = (uint16_t)group;
  return 0;
}

/* What the first byte is waited for with has changed. The library alone defers
 * the connections of a part. */
static int32_t option__defer(struct socket* listener) {
  listener_arm(listener);
  return listener->is_part ? 0 : engine_defer_accept(listener);
}

/* What has come with a connection that is handed out would be lost. */
static int32_t option__of_parts(struct socket* listener) {
  return port_fail(listener->port, -IOCP_ENOTSUP, 0);
}

/* An option of the library; the value is within its bounds. */
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
      return option__set_group(socket, (uint32_t)value);
    case IOCP_DEFER_ACCEPT:
      if (socket->hands_out) return option__of_parts(socket);
      socket->defers_accept = value != 0;
      return option__defer(socket);
    case IOCP_FIRST_BYTE_TIMEOUT:
      if (socket->hands_out) return option__of_parts(socket);
      socket->first_byte_timeout_ms = (uint32_t)value;
      return option__defer(socket);
    default:
      if (socket->is_part) return port_fail(socket->port, -IOCP_ENOTSUP, 0);
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
    case IOCP_GROUP:
      return socket->group;
    case IOCP_DEFER_ACCEPT:
      return socket->defers_accept;
    case IOCP_FIRST_BYTE_TIMEOUT:
      return (int32_t)socket->first_byte_timeout_ms;
    default:
      return (int32_t)socket->backlog;
  }
}

int32_t option_set(struct socket* socket, uint32_t option, int32_t value) {
  const struct option__row* row = option__row_of(socket, option);
  if (row == NULL || value < row->min || value > row->max)
    return port_fail(socket->port, -IOCP_EINVAL, 0);
  if (option__is_lacking(socket, row))
    return port_fail(socket->port, -IOCP_ENOTSUP, 0);
  return row->owner == OPTION_SYSTEM ? engine_set_option(socket, option, value)
                                     : option__set(socket, option, value);
}

int32_t option_get(struct socket* socket, uint32_t option) {
  const struct option__row* row = option__row_of(socket, option);
  if (row == NULL) return port_fail(socket->port, -IOCP_EINVAL, 0);
  if (option__is_lacking(socket, row))
    return port_fail(socket->port, -IOCP_ENOTSUP, 0);
  if (row->owner == OPTION_LIBRARY) return option__get(socket, option);
  int32_t value = engine_get_option(socket, option);
  /* Some systems return a number other than 1 for an enabled flag. */
  return value > 0 && row->max == 1 ? 1 : value;
}
