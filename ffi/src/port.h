/* SPDX-License-Identifier: MIT */
/*
 * A port: one kernel queue, its sockets, and the thread that owns them.
 *
 * Ports are found through a fixed table of atomic words (port_table.h), so that
 * iocp_wait() and iocp_wake() may run on any thread while the owner deletes the
 * port: each holds a reference while it runs, and the last release frees the
 * memory.
 */
#ifndef IOCP_PORT_H
#define IOCP_PORT_H

#include <stdatomic.h>

#include "file.h"
#include "group.h"
#include "iocp.h"
#include "socket.h"
#include "timers.h"

struct port {
  struct list_node ready; /* sockets for the next poll, in order */
  struct timers timers;
  uint32_t full_polls; /* in a row that left something in the kernel's queue */
  struct iocp_stats stats;
  int32_t id;
  int32_t native_error;
  atomic_bool ready_hint; /* `ready` is not empty; for iocp_wait() */
  atomic_bool share_hint; /* share_poll() has something to do */
  struct engine_port engine;
  struct socket_table sockets;
  struct group_table groups;
  struct file_table files;
  uint8_t scratch[4096]; /* for data that a closing socket discards */
};

/* Returns `result` after noting the system's error number for it. */
static inline int32_t port_fail(struct port* port,
                                int32_t result,
                                int32_t native) {
  port->native_error = native;
  return result;
}

/* Deletes the stale ports of other realms, then makes a port for the calling
 * thread. Returns its id or -IOCP_E... */
int32_t port_new(uint32_t realm);

/* Closes all sockets and the port. The last reference frees the memory. */
void port_delete(struct port* port);

/* Any thread. Each returns as the function of iocp.h does. */
int32_t port_wait(int32_t id, int32_t timeout_ms);
int32_t port_wake(int32_t id);

/* The port's own thread. */
int32_t port_wait_here(struct port* port, uint32_t timeout_us);

#endif /* IOCP_PORT_H */
