/* SPDX-License-Identifier: MIT */
/*
 * The kernel's queue: a completion port. The port's thread dequeues. The only
 * documented way to wait for a packet dequeues it as well, so a waiting thread
 * leaves the packets that it has dequeued in the hand-over array, for the next
 * poll.
 *
 *           engine_wait()        packets came          engine_poll()
 *   EMPTY ----------------> FILLING ------------> FULL ----------------> EMPTY
 *                              |     nothing came                          ^
 *                              +-------------------------------------------+
 */
#include "accept.h"
#include "connect.h"
#include "datagram_receive.h"
#include "errors.h"
#include "operation.h"
#include "pipe_accept.h"
#include "receive.h"
#include "retry.h"
#include "send.h"
#include "send_copy.h"
#include "system.h"
#include "wake.h"
#include "winsock.h"

/* No limit. A thread that has waited on a port stays associated with it and
 * counts against the limit whenever it runs, whatever it does; at the limit no
 * thread gets a packet, not even with a timeout of 0 ("I/O Completion Ports",
 * "Threads and Concurrency"). A runtime waits on changing threads of its pool,
 * so with a limit, threads that compute could stop every socket. Go's runtime
 * sets no limit either. */
#define QUEUE__THREADS 0xFFFFFFFFu

/* How long the end of the process waits for operations that were canceled. */
#define QUEUE__EXIT_MS 50

int32_t engine_open(struct port* port) {
  struct engine_port* engine = &port->engine;
  int native = winsock_start();
  if (native != 0) return errors_fail(port, (DWORD)native);
  engine->truncates_sends = winsock_truncates_sends();
  engine->limits_transmits = winsock_limits_transmits();
  engine->can_disable_syn_retries = winsock_can_disable_syn_retries();
  list_open(&engine->retries);
  engine->handle =
      CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, QUEUE__THREADS);
  if (engine->handle == NULL) return errors_fail(port, GetLastError());
  return 0;
}

void engine_close(struct port* port) { CloseHandle(port->engine.handle); }

static void queue__retry(struct port* port) {
  struct list_node todo;
  list_open(&todo);
  retry_collect(port, &todo);
  while (!list_is_empty(&todo)) {
    struct list_node* node = list_shift(&todo);
    struct socket* socket = LIST_ENTRY(node, struct socket, engine.retry_node);
    bool retries_send = socket->engine.retries_send;
    bool retries_receive = socket->engine.retries_receive;
    socket->engine.retries_send = false;
    socket->engine.retries_receive = false;
    if (retries_send) engine_send_copies(socket);
    if (retries_receive && socket->is_datagram)
      engine_arm_datagrams(socket);
    else if (retries_receive)
      receive_retry(socket);
  }
}

/* ---- waiting */

static DWORD queue__timeout(struct engine_port* engine, int32_t timeout_ms) {
  DWORD limit_ms = timeout_ms < 0 ? INFINITE : (DWORD)timeout_ms;
  if (atomic_load(&engine->has_retries) && limit_ms > RETRY_MS) return RETRY_MS;
  return limit_ms;
}

/* The wait of the thread that owns the hand-over array. */
static int32_t queue__wait(struct engine_port* engine, int32_t timeout_ms) {
  ULONG count = 0;
  if (atomic_exchange(&engine->wake_wanted, false)) goto empty;
  DWORD limit_ms = queue__timeout(engine, timeout_ms);
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
  /* After a wake-up, or when the wait was shortened for a retry, poll. */
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
    return queue__wait(engine, timeout_ms);
  if (state == ENGINE_HANDOVER_FULL) {
    atomic_store(&engine->wake_wanted, false);
    return 1;
  }
  /* Another thread is waiting. That happens briefly while a port is deleted.
   * The pause keeps a caller that waits on two threads from spinning. */
  Sleep(1);
  return 1;
}

int32_t engine_wait_here(struct port* port, uint32_t timeout_us) {
  /* A wait ends with a clock tick (Sleep(), remarks), usually of 15.6 ms, which
   * is too long here. */
  (void)port, (void)timeout_us;
  return 0;
}

/* ---- dequeuing */

static void queue__completed(struct port* port, struct engine_op* op) {
  op_reap(port, op);
  switch ((enum engine_op_kind)op->kind) {
    case ENGINE_RECEIVE:
      receive_completed(LIST_ENTRY(op, struct engine_receive, op));
      return;
    case ENGINE_SEND:
      send_completed(LIST_ENTRY(op, struct send_copy, engine.op));
      return;
    case ENGINE_CONNECT:
      connect_completed(LIST_ENTRY(op, struct socket, engine.out));
      return;
    case ENGINE_ACCEPT:
      accept_completed(op);
      return;
    case ENGINE_DATAGRAM:
      datagram_receive_completed(LIST_ENTRY(op, struct datagram_receive, op));
      return;
    case ENGINE_PIPE_ACCEPT:
      pipe_accept_completed(op);
      return;
  }
}

static void queue__packets(struct port* port,
                           const OVERLAPPED_ENTRY* packets,
                           uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    /* A handle that was inherited or duplicated may queue packets of another
     * process here (libuv #2016). */
    if (packets[i].lpCompletionKey != (ULONG_PTR)port) continue;
    /* The status is in the OVERLAPPED: the entry's own Internal is reserved. */
    if (packets[i].lpOverlapped == NULL)
      wake_dequeued(port);
    else
      queue__completed(
          port,
          LIST_ENTRY(packets[i].lpOverlapped, struct engine_op, overlapped));
  }
}

/* How many of the packets are of operations of this port. */
static uint32_t queue__count(struct port* port,
                             const OVERLAPPED_ENTRY* packets,
                             uint32_t count) {
  uint32_t own = 0;
  for (uint32_t i = 0; i < count; i++)
    if (packets[i].lpCompletionKey == (ULONG_PTR)port &&
        packets[i].lpOverlapped != NULL)
      own++;
  return own;
}

/* Some packets never come: those that a terminated thread had dequeued, or was
 * to post for a relay (relay.h). */
void engine_await_canceled(struct port* port) {
  struct engine_port* engine = &port->engine;
  double left = port->stats.operations;
  uint64_t now_ms = system_now_ms();
  uint64_t until_ms = now_ms + QUEUE__EXIT_MS;
  ULONG count = 0;
  if (atomic_load(&engine->handover_state) == ENGINE_HANDOVER_FULL)
    left -= queue__count(port, engine->handover, engine->handover_count);
  while (left > 0 && now_ms < until_ms &&
         GetQueuedCompletionStatusEx(engine->handle,
                                     engine->batch,
                                     ENGINE_BATCH,
                                     &count,
                                     (DWORD)(until_ms - now_ms),
                                     FALSE)) {
    left -= queue__count(port, engine->batch, count);
    now_ms = system_now_ms();
  }
}

int32_t engine_next_ms(struct port* port) { return retry_next_ms(port); }

bool engine_poll(struct port* port) {
  struct engine_port* engine = &port->engine;
  bool is_full = false;
  ULONG count = 0;
  if (atomic_load(&engine->handover_state) == ENGINE_HANDOVER_FULL) {
    queue__packets(port, engine->handover, engine->handover_count);
    is_full = engine->handover_count == ENGINE_BATCH;
    atomic_store(&engine->handover_state, ENGINE_HANDOVER_EMPTY);
  }
  if (GetQueuedCompletionStatusEx(
          engine->handle, engine->batch, ENGINE_BATCH, &count, 0, FALSE))
    queue__packets(port, engine->batch, count);
  queue__retry(port);
  return is_full || count == ENGINE_BATCH;
}
