/* SPDX-License-Identifier: MIT */
#include "port.h"

#include "close_all.h"
#include "engine.h"
#include "memory.h"
#include "port_table.h"
#include "system.h"

/* Called with the last reference. */
static void port__destroy(struct port* port) {
  engine_close(port);
  /* The kernel may still write to the memory of these sockets, so it stays
   * mapped. */
  if (port->sockets.open_count != 0) return;
  socket_table_close(&port->sockets);
  group_table_close(&port->groups);
  memory_unmap(port, sizeof *port);
}

void port_delete(struct port* port) {
  port_table_close(port->id);
  close_all(port, GROUP_ANY);
  file_table_close(&port->files);
  engine_wake(port);
  port_table_release(port->id, port__destroy);
}

/* Its memory stays: the kernel may still write to it, and so may a thread that
 * was terminated and has not stopped yet. */
static void port__left(struct port* port) { (void)port; }

static void port__thread_ended(bool process_ends) {
  struct port* port;
  while ((port = port_table_own()) != NULL) {
    if (!process_ends) {
      port_delete(port);
      continue;
    }
    port_table_close(port->id);
    close_all_at_exit(port);
    port_table_release(port->id, port__left);
  }
}

int32_t port_new(uint32_t realm) {
  struct port* port;
  while ((port = port_table_stale(realm)) != NULL) port_delete(port);
  port = memory_map(sizeof *port);
  if (port == NULL) return -IOCP_ENOMEM;
  list_open(&port->ready);
  timers_open(&port->timers, system_now_ms());
  socket_table_open(&port->sockets);
  file_table_open(&port->files);
  int32_t result = engine_open(port);
  if (result < 0) goto err1;
  /* A thread that ends must not leave ports behind. */
  result = -IOCP_ENOMEM;
  if (!system_watch_thread(port__thread_ended)) goto err2;
  result = -IOCP_EMFILE;
  if (!port_table_add(port, realm, &port->id)) goto err2;
  return port->id;

err2:
  engine_close(port);
err1:
  memory_unmap(port, sizeof *port);
  return result;
}

int32_t port_wait(int32_t id, int32_t timeout_ms) {
  struct port* port = port_table_acquire(id);
  if (port == NULL) return -IOCP_EBADF;
  int32_t result = 1;
  if (!atomic_load_explicit(&port->ready_hint, memory_order_relaxed))
    result = engine_wait(port, timeout_ms);
  /* A delete wakes the wait, which must not report a port to poll. */
  if (result >= 0 && !port_table_is_open(id)) result = -IOCP_EBADF;
  port_table_release(id, port__destroy);
  return result;
}

int32_t port_wait_here(struct port* port, uint32_t timeout_us) {
  if (atomic_load_explicit(&port->ready_hint, memory_order_relaxed)) return 1;
  return engine_wait_here(port, timeout_us);
}

int32_t port_wake(int32_t id) {
  struct port* port = port_table_acquire(id);
  if (port == NULL) return -IOCP_EBADF;
  int32_t result = engine_wake(port);
  port_table_release(id, port__destroy);
  return result;
}
