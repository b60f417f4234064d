/* SPDX-License-Identifier: MIT */
/*
 * The kernel's queue: a completion port. The port's thread dequeues; a thread
 * that waits can only do so by dequeueing as well, as far as it is documented,
 * so it hands what it got over to the next poll.
 *
 *           engine_wait()        packets came          engine_poll()
 *   EMPTY ----------------> FILLING ------------> FULL ----------------> EMPTY
 *                              |     nothing came                          ^
 *                              +-------------------------------------------+
 */
#include "accept.h"
#include "connect.h"
#include "errors.h"
#include "operation.h"
#include "receive.h"
#include "retry.h"
#include "send.h"
#include "winsock.h"

/* No limit. A thread that has once waited on a port stays associated with it,
 * and counts while it runs, whatever it does; at the limit no thread gets a
 * packet, a poll with a timeout of 0 included ("I/O Completion Ports", "Threads
 * and Concurrency"). The waits of a runtime move through its thread pool, so
 * any limit would let threads that compute stop every socket. Go's runtime does
 * the same. */
#define PORT__THREADS 0xFFFFFFFFu
/* How long to wait for memory of the kernel's. */
#define PORT__PAUSE_MS 10

int32_t engine_open(struct port* port) {
  struct engine_port* engine = &port->engine;
  int native = winsock_start();
  if (native != 0) return errors_fail(port, (DWORD)native);
  engine->loses_sends = winsock_loses_sends();
  engine->may_try_once = winsock_may_try_once();
  list_open(&engine->retries);
  engine->handle =
      CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, PORT__THREADS);
  if (engine->handle == NULL) return errors_fail(port, GetLastError());
  return 0;
}

void engine_close(struct port* port) { CloseHandle(port->engine.handle); }

static void port__retry(struct port* port) {
  struct list_node todo;
  list_open(&todo);
  retry_take(port, &todo);
  while (!list_is_empty(&todo)) {
    struct list_node* node = list_shift(&todo);
    struct socket* socket = LIST_ENTRY(node, struct socket, engine.retry_node);
    bool retries_send = socket->engine.retries_send;
    bool retries_receive = socket->engine.retries_receive;
    socket->engine.retries_send = false;
    socket->engine.retries_receive = false;
    if (retries_send) engine_send_kept(socket);
    if (retries_receive) receive_retry(socket);
  }
}

/* ---- waiting */

static DWORD port__timeout(struct engine_port* engine, int32_t timeout_ms) {
  DWORD limit_ms = timeout_ms < 0 ? INFINITE : (DWORD)timeout_ms;
  if (atomic_load(&engine->has_retries) && limit_ms > RETRY_MS) return RETRY_MS;
  return limit_ms;
}

/* The wait of the thread that holds the hand-over array. */
static int32_t port__wait(struct engine_port* engine, int32_t timeout_ms) {
  ULONG count = 0;
  if (atomic_exchange(&engine->wake_wanted, false)) goto empty;
  DWORD limit_ms = port__timeout(engine, timeout_ms);
  if (GetQueuedCompletionStatusEx(engine->handle,
                                  engine->handover,
                                  ENGINE_BATCH,
                                  &count,
                                  limit_ms,
                                  FALSE)) {
    engine->handover_count = count;
    atomic_store(&engine->wake_wanted, false);
    atomic_store(&engine->handover_state, ENGINE_HANDOVER_FULL);
    return 1;
  }
  DWORD native = GetLastError();
  atomic_store(&engine->handover_state, ENGINE_HANDOVER_EMPTY);
  if (native != WAIT_TIMEOUT) return errors_of(native);
  /* When it was cut short for a retry, or just woken, a poll is due. */
  return atomic_exchange(&engine->wake_wanted, false) ||
         limit_ms != (DWORD)timeout_ms;

empty:
  atomic_store(&engine->handover_state, ENGINE_HANDOVER_EMPTY);
  return 1;
}

int32_t engine_wait(struct port* port, int32_t timeout_ms) {
  struct engine_port* engine = &port->engine;
  int state = ENGINE_HANDOVER_EMPTY;
  if (atomic_compare_exchange_strong(
          &engine->handover_state, &state, ENGINE_HANDOVER_FILLING))
    return port__wait(engine, timeout_ms);
  if (state == ENGINE_HANDOVER_FULL) {
    atomic_store(&engine->wake_wanted, false);
    return 1;
  }
  /* Another thread waits already. That is so for a moment when a port is
   * deleted; the pause is for a caller who does it all the time. */
  Sleep(1);
  return 1;
}

static void port__post_wake(struct port* port) {
  struct engine_port* engine = &port->engine;
  /* One packet is enough, and the queue is memory that cannot be paged. */
  if (atomic_exchange(&engine->wake_posted, true)) return;
  /* A packet takes such memory as well. Without it somebody might wait for
   * ever, so this waits until there is some. */
  while (!PostQueuedCompletionStatus(engine->handle, 0, (ULONG_PTR)port, NULL))
    Sleep(PORT__PAUSE_MS);
}

int32_t engine_wait_here(struct port* port, uint32_t timeout_us) {
  /* A wait ends with a tick of the clock, 0.5 to 15.6 ms from now. */
  (void)port, (void)timeout_us;
  return 0;
}

int32_t engine_wake(struct port* port) {
  atomic_store(&port->engine.wake_wanted, true);
  port__post_wake(port);
  return 0;
}

/* The packet of a wake-up was dequeued. */
static void port__woken(struct port* port) {
  struct engine_port* engine = &port->engine;
  atomic_store(&engine->wake_posted, false);
  /* It was for the wait, which may be blocked while this thread has taken the
   * packet. A wait that begins later sees that it is wanted: it says that it
   * waits before it looks. */
  if (atomic_load(&engine->wake_wanted) &&
      atomic_load(&engine->handover_state) == ENGINE_HANDOVER_FILLING)
    port__post_wake(port);
}

/* ---- dequeueing */

static void port__completed(struct port* port, struct engine_op* op) {
  if (!op_reap(port, op)) return;
  switch ((enum engine_op_kind)op->kind) {
    case ENGINE_RECEIVE:
      receive_completed(LIST_ENTRY(op, struct engine_receive, op));
      return;
    case ENGINE_SEND:
      send_completed(LIST_ENTRY(op, struct kept, engine.op));
      return;
    case ENGINE_CONNECT:
      connect_completed(LIST_ENTRY(op, struct socket, engine.out));
      return;
    case ENGINE_ACCEPT:
      accept_completed(op);
      return;
  }
}

static void port__packets(struct port* port,
                          const OVERLAPPED_ENTRY* packets,
                          uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    /* A handle that was inherited or duplicated brings foreign packets here
     * (libuv #2016). */
    if (packets[i].lpCompletionKey != (ULONG_PTR)port) continue;
    /* The entry's own Internal is no status: the operation has it. */
    if (packets[i].lpOverlapped == NULL)
      port__woken(port);
    else
      port__completed(
          port,
          LIST_ENTRY(packets[i].lpOverlapped, struct engine_op, overlapped));
  }
}

bool engine_poll(struct port* port) {
  struct engine_port* engine = &port->engine;
  bool is_full = false;
  ULONG count = 0;
  if (atomic_load(&engine->handover_state) == ENGINE_HANDOVER_FULL) {
    port__packets(port, engine->handover, engine->handover_count);
    is_full = engine->handover_count == ENGINE_BATCH;
    atomic_store(&engine->handover_state, ENGINE_HANDOVER_EMPTY);
  }
  if (GetQueuedCompletionStatusEx(
          engine->handle, engine->batch, ENGINE_BATCH, &count, 0, FALSE))
    port__packets(port, engine->batch, count);
  port__retry(port);
  return is_full || count == ENGINE_BATCH;
}
