/* SPDX-License-Identifier: MIT */
/*
 * A port: one kernel queue, its sockets, and the thread they belong to.
 *
 * Ports are found through a fixed table of words, so that iocp_wait() and
 * iocp_wake() may come from any thread while the owner deletes the port: each
 * holds a reference for as long as it runs, the last one out frees the memory.
 */
#ifndef IOCP_PORT_H
#define IOCP_PORT_H

#include <stdatomic.h>

#include "group.h"
#include "iocp.h"
#include "socket.h"
#include "timers.h"

struct port {
  struct list_node ready; /* sockets to look at, in order */
  struct timers timers;
  uint32_t full_polls; /* in a row, that left packets or events behind */
  struct iocp_stats stats;
  int32_t name;
  int32_t native_error;
  atomic_bool ready_hint; /* `ready` is not empty; for iocp_wait() */
  struct engine_port engine;
  struct socket_table sockets;
  struct group_table groups;
  uint8_t scratch[4096]; /* for what a closing socket discards */
};

/* Returns `result` after noting the system's number behind it. */
static inline int32_t port_fail(struct port* port,
                                int32_t result,
                                int32_t native) {
  port->native_error = native;
  return result;
}

#endif /* IOCP_PORT_H */
