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

/* ---- options that are the library's own */

struct option__range {
  uint32_t option;
  bool is_listeners; /* only a listener has it */
  int32_t min;
  int32_t max;
};

static const struct option__range option__ranges[] = {
    {IOCP_RECEIVE_BUFFER, false, 0, IOCP_RECEIVE_BUFFER_MAX},
    {IOCP_RECEIVE_DEPTH, false, 1, IOCP_CONCURRENCY_MAX},
    {IOCP_SEND_CONCURRENCY, false, 1, IOCP_CONCURRENCY_MAX},
    {IOCP_DEFER_ACCEPT, true, 0, 1},
    {IOCP_FIRST_BYTE_TIMEOUT, true, 0, INT32_MAX},
    {IOCP_BACKLOG, true, 1, IOCP_BACKLOG_MAX},
};

/* NULL: it is an option of the system. */
static const struct option__range* option__range_of(uint32_t option) {
  size_t count = sizeof option__ranges / sizeof option__ranges[0];
  for (size_t i = 0; i < count; i++)
    if (option__ranges[i].option == option) return &option__ranges[i];
  return NULL;
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
  const struct option__range* range = option__range_of(option);
  if (range == NULL) return engine_set_option(socket, option, value);
  if ((range->is_listeners && !socket->is_listener) || value < range->min ||
      value > range->max)
    return port_fail(socket->port, -IOCP_EINVAL, 0);
  return option__set(socket, option, value);
}

int32_t iocp_get_option(int32_t port, int32_t name, uint32_t option) {
  int32_t error;
  struct socket* socket = option__find(port, name, &error);
  if (socket == NULL) return error;
  const struct option__range* range = option__range_of(option);
  if (range == NULL) return engine_get_option(socket, option);
  if (range->is_listeners && !socket->is_listener)
    return port_fail(socket->port, -IOCP_EINVAL, 0);
  return option__get(socket, option);
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
