/* SPDX-License-Identifier: MIT */
#include "port.h"

#include <stdlib.h>

#include "disk.h"
#include "duplicate.h"
#include "fiber.h"
#include "habits.h"
#include "kernel.h"
#include "list.h"
#include "object.h"
#include "op.h"
#include "report.h"
#include "sanitizer.h"
#include "sock.h"
#include "tape.h"
#include "world.h"
#include "thread.h"

struct port {
  struct object object;
  struct list_node node; /* in port__closed */
  struct list_node packets;
  uint32_t count;
  uint32_t waiters;
  uint32_t threads_max; /* limit of running threads */
  bool is_closed;
};

struct packet {
  struct list_node node;
  ULONG_PTR key;
  OVERLAPPED* overlapped;
  struct op* op; /* NULL for a posted packet */
};

/* "The Internal member of an entry is reserved", so it may have any value. */
#define PORT__RESERVED ((ULONG_PTR)0xBAD57A7E)
#define PORT__FOREIGN_KEY ((ULONG_PTR)0xF04E16)
/* A wait may end early by up to one clock tick. */
#define PORT__EARLY_MS 15

static struct list_node port__closed;

void port_open_all(void) { list_open(&port__closed); }

void port_close_all(void) {
  while (!list_is_empty(&port__closed))
    free(LIST_ENTRY(list_shift(&port__closed), struct port, node));
}

struct port* port_find(HANDLE handle, const char* call) {
  struct object* object = object_find((uintptr_t)handle, OBJECT_PORT, call);
  return object == NULL ? NULL : LIST_ENTRY(object, struct port, object);
}

static void port__queue(struct port* port,
                        ULONG_PTR key,
                        OVERLAPPED* overlapped,
                        struct op* op) {
  struct packet* packet = malloc(sizeof *packet);
  if (packet == NULL) abort();
  *packet = (struct packet){.key = key, .overlapped = overlapped, .op = op};
  list_push(&port->packets, &packet->node);
  port->count++;
  sanitizer_release(port);
}

void port_queue_op(struct port* port, struct op* op) {
  RULE("the port of an operation is open", !port->is_closed);
  port__queue(port, op->key, op->overlapped, op);
}

/* A handle that is duplicated in another process may queue packets that the
 * library did not cause. */
static void port__queue_foreign(struct port* port) {
  static OVERLAPPED foreign;
  TRACE("  a foreign packet comes");
  port__queue(port, PORT__FOREIGN_KEY, &foreign, NULL);
}

static struct port* port__newest;

void world_flood(uint32_t count) {
  while (count-- != 0) port__queue_foreign(port__newest);
}

/* ---- making and closing */

static HANDLE port__new(DWORD threads) {
  struct port* port = calloc(1, sizeof *port);
  if (port == NULL) abort();
  list_open(&port->packets);
  /* "If this parameter is zero, the system allows as many concurrently running
   * threads as there are processors." */
  port->threads_max = threads == 0 ? habits.processors : threads;
  port->object.process = duplicate_process();
  if (object_enter(&port->object, OBJECT_PORT) != 0) {
    port__newest = port;
    return (HANDLE)port->object.handle;
  }
  free(port);
  kernel_fail(ERROR_TOO_MANY_OPEN_FILES);
  return NULL;
}

struct port* port_new_foreign(void) {
  struct port* port = calloc(1, sizeof *port);
  if (port == NULL) abort();
  list_open(&port->packets);
  port->is_closed = true;
  list_push(&port__closed, &port->node);
  return port;
}

static HANDLE port__tie(HANDLE file, HANDLE handle, ULONG_PTR key) {
  struct port* port = port_find(handle, "CreateIoCompletionPort");
  struct sock* sock = sock_find_file((uintptr_t)file, "CreateIoCompletionPort");
  if (port == NULL || sock == NULL) {
    kernel_fail(ERROR_INVALID_HANDLE);
    return NULL;
  }
  /* A file object stays with its port ("CreateIoCompletionPort function"), and
   * a synchronous one cannot have a port. */
  if (sock->port != NULL || sock->is_synchronous) {
    kernel_fail(ERROR_INVALID_PARAMETER);
    return NULL;
  }
  sock->port = port;
  sock->key = key;
  /* A handle and the port that it joins are of the same process. */
  sock->via->process = port->object.process;
  kernel_succeed();
  return handle;
}

HANDLE WINAPI CreateIoCompletionPort(HANDLE file,
                                     HANDLE handle,
                                     ULONG_PTR key,
                                     DWORD threads) {
  kernel_enter();
  if (habits_break(habits.kernel_faults)) {
    kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
    return NULL;
  }
  return file == INVALID_HANDLE_VALUE ? port__new(threads)
                                      : port__tie(file, handle, key);
}

static void port__empty(struct port* port) {
  while (!list_is_empty(&port->packets))
    free(LIST_ENTRY(list_shift(&port->packets), struct packet, node));
}

static bool port__close(HANDLE handle) {
  struct port* port = port_find(handle, "CloseHandle");
  if (port == NULL) return false;
  op_forbid_at(port);
  RULE("no thread waits on a port that is closed", port->waiters == 0);
  object_release(&port->object);
  port__empty(port);
  /* Handles that could not be removed stay associated with it. */
  port->is_closed = true;
  list_push(&port__closed, &port->node);
  return true;
}

bool port_sweep(struct object* object) {
  if (object->kind != OBJECT_PORT) return false;
  struct port* port = LIST_ENTRY(object, struct port, object);
  object_release(object);
  port__empty(port);
  list_push(&port__closed, &port->node);
  return true;
}

BOOL WINAPI CloseHandle(HANDLE handle) {
  kernel_enter();
  if (port__close(handle) || thread_close((uintptr_t)handle) ||
      sock_close_pipe(handle) || disk_close_handle(handle))
    return kernel_succeed();
  RULE("CloseHandle() is given a handle that is open", false);
  return FALSE;
}

/* ---- posting and dequeueing */

BOOL WINAPI PostQueuedCompletionStatus(HANDLE handle,
                                       DWORD bytes,
                                       ULONG_PTR key,
                                       OVERLAPPED* overlapped) {
  (void)bytes;
  kernel_enter();
  struct port* port = port_find(handle, "PostQueuedCompletionStatus");
  if (port == NULL) return kernel_fail(ERROR_INVALID_HANDLE);
  /* A packet needs nonpaged memory. */
  if (habits_fault(habits.kernel_faults))
    return kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
  port__queue(port, key, overlapped, NULL);
  return kernel_succeed();
}

/* A thread that has waited on a port is associated with it until it waits on
 * another one or ends. It counts as running while it is not blocked, whatever
 * it does. At the limit no thread gets a packet, not even with a timeout of
 * zero ("I/O Completion Ports", "Threads and Concurrency"). */
static bool port__has_packets(void* argument) {
  const struct port* port = argument;
  return port->count != 0 && fiber_busy(port) < port->threads_max;
}

/* The same for the running thread, which does not count itself. */
static bool port__has_packets_now(const struct port* port) {
  return port->count != 0 && fiber_busy(port) - 1 < port->threads_max;
}

/* Returns false on a timeout. */
static bool port__wait(struct port* port, DWORD timeout_ms) {
  uint64_t until_ms =
      timeout_ms == INFINITE ? FIBER_FOREVER : fiber_now_ms() + timeout_ms;
  if (timeout_ms != INFINITE && timeout_ms > PORT__EARLY_MS &&
      habits_fault(habits.early_timeouts))
    until_ms -= 1 + tape_choose(PORT__EARLY_MS);
  *fiber_queue() = port;
  while (!port__has_packets_now(port)) {
    if (timeout_ms == 0) return false;
    port->waiters++;
    bool has_packets = fiber_wait(port__has_packets, port, until_ms);
    port->waiters--;
    if (!has_packets && fiber_now_ms() >= until_ms) return false;
  }
  return true;
}

static void port__dequeue(struct port* port, OVERLAPPED_ENTRY* entry) {
  struct packet* packet =
      LIST_ENTRY(list_shift(&port->packets), struct packet, node);
  port->count--;
  *entry = (OVERLAPPED_ENTRY){.lpCompletionKey = packet->key,
                              .lpOverlapped = packet->overlapped,
                              .Internal = PORT__RESERVED,
                              .dwNumberOfBytesTransferred = 0};
  if (packet->op != NULL) {
    entry->dwNumberOfBytesTransferred = packet->op->bytes;
    op_dequeued(packet->op);
  }
  free(packet);
}

BOOL WINAPI GetQueuedCompletionStatusEx(HANDLE handle,
                                        OVERLAPPED_ENTRY* entries,
                                        ULONG count,
                                        ULONG* removed,
                                        DWORD timeout_ms,
                                        BOOL alertable) {
  kernel_enter();
  struct port* port = port_find(handle, "GetQueuedCompletionStatusEx");
  if (port == NULL) return kernel_fail(ERROR_INVALID_HANDLE);
  /* Otherwise a wait ends for APCs that other libraries queue to the thread. */
  RULE("a wait is not alertable", !alertable);
  /* The call needs memory for the entries. */
  if (habits_fault(habits.kernel_faults))
    return kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
  if (habits_fault(habits.foreign_packets)) port__queue_foreign(port);
  *removed = 0;
  if (!port__wait(port, timeout_ms)) return kernel_fail(WAIT_TIMEOUT);
  sanitizer_acquire(port);
  ULONG most = port->count < count ? port->count : count;
  if (most > 1 && habits_fault(habits.splits)) most = 1 + tape_choose(most);
  while (*removed < most) port__dequeue(port, &entries[(*removed)++]);
  return kernel_succeed();
}
