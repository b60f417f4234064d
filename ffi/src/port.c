/* SPDX-License-Identifier: MIT */
#include "port.h"

#include "close.h"
#include "engine.h"
#include "memory.h"
#include "port_table.h"
#include "system.h"

uint32_t iocp_abi(void) { return IOCP_ABI; }

/* Called with the last reference. */
static void port__destroy(struct port* port) {
  engine_close(port);
  /* Memory that the kernel may still write to is left mapped for ever. */
  if (port->sockets.open_count != 0) return;
  socket_table_close(&port->sockets);
  group_table_close(&port->groups);
  memory_unmap(port, sizeof *port);
}

/* The owner's side of a delete; the last reference frees the memory. */
static void port__delete(struct port* port) {
  port_table_close(port->name);
  close_all(port, GROUP_ANY);
  engine_wake(port);
  port_table_release(port->name, port__destroy);
}

int32_t iocp_new(uint32_t realm) {
  struct port* port;
  while ((port = port_table_stale(realm)) != NULL) port__delete(port);
  port = memory_map(sizeof *port);
  if (port == NULL) return -IOCP_ENOMEM;
  list_open(&port->ready);
  timers_open(&port->timers, system_now_ms());
  socket_table_open(&port->sockets);
  int32_t result = engine_open(port);
  if (result < 0) goto err1;
  /* A thread that ends must not leave ports behind. */
  result = -IOCP_ENOMEM;
  if (!system_watch_thread()) goto err2;
  result = -IOCP_EMFILE;
  if (!port_table_add(port, realm, &port->name)) goto err2;
  return port->name;

err2:
  engine_close(port);
err1:
  memory_unmap(port, sizeof *port);
  return result;
}

int32_t iocp_delete(int32_t name) {
  int32_t error;
  struct port* port = port_table_find(name, &error);
  if (port == NULL) return error;
  port__delete(port);
  return 0;
}

void port_thread_ended(void) {
  struct port* port;
  while ((port = port_table_own()) != NULL) port__delete(port);
}

int32_t iocp_wait(int32_t name, int32_t timeout_ms) {
  struct port* port = port_table_acquire(name);
  if (port == NULL) return -IOCP_EBADF;
  int32_t result = 1;
  if (!atomic_load_explicit(&port->ready_hint, memory_order_relaxed))
    result = engine_wait(port, timeout_ms);
  /* A deleted port wakes its waiter, whom the port must not look open to. */
  if (result >= 0 && !port_table_is_open(name)) result = -IOCP_EBADF;
  port_table_release(name, port__destroy);
  return result;
}

int32_t iocp_wait_here(int32_t name, uint32_t timeout_us) {
  int32_t error;
  struct port* port = port_table_find(name, &error);
  if (port == NULL) return error;
  if (timeout_us > IOCP_WAIT_HERE_MAX) return port_fail(port, -IOCP_EINVAL, 0);
  if (atomic_load_explicit(&port->ready_hint, memory_order_relaxed)) return 1;
  return engine_wait_here(port, timeout_us);
}

int32_t iocp_wake(int32_t name) {
  struct port* port = port_table_acquire(name);
  if (port == NULL) return -IOCP_EBADF;
  int32_t result = engine_wake(port);
  port_table_release(name, port__destroy);
  return result;
}

int32_t iocp_native_error(int32_t name) {
  int32_t error;
  struct port* port = port_table_find(name, &error);
  return port == NULL ? error : port->native_error;
}

int32_t iocp_stats(int32_t name, void* stats) {
  int32_t error;
  struct port* port = port_table_find(name, &error);
  if (port == NULL) return error;
  if (stats == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  port->stats.sockets = port->sockets.open_count;
  memory_copy(stats, &port->stats, sizeof port->stats);
  return 0;
}
