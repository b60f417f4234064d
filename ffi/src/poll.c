/* SPDX-License-Identifier: MIT */
/*
 * Dequeueing. The engine marks sockets; here each marked socket is looked at
 * once, in order, and what it has to tell becomes records while there is room.
 */
#include "batch.h"
#include "close.h"
#include "engine.h"
#include "listener.h"
#include "port_table.h"
#include "silence.h"
#include "stream.h"
#include "system.h"

#define POLL__CAPACITY_MAX 4096
/* Polls in a row that leave something in the kernel's queue, after which timers
 * have their turn all the same. */
#define POLL__FULL_MAX 64

/* A connection that was accepted has come to the end of its time. */
static void poll__silent(struct socket* socket) {
  if (silence_is_over(socket)) return;
  listener_met_silence(socket);
  close_by_itself(socket, -IOCP_ETIMEDOUT);
}

static void poll__timers(struct port* port) {
  if (port->timers.count == 0) return;
  uint64_t now_ms = system_now_ms();
  struct socket* socket;
  while ((socket = timers_expire(&port->timers, now_ms)) != NULL) {
    if (socket->state == SOCKET_LISTENING)
      listener_timed(socket);
    else if (socket->state == SOCKET_CLOSING)
      close_timed_out(socket);
    else
      poll__silent(socket);
  }
}

/* Tells one result that waits, if `reason` is among `*reasons`. */
static void poll__tell(struct batch* batch,
                       struct socket* socket,
                       unsigned reason,
                       unsigned* reasons,
                       int32_t kind,
                       int32_t result) {
  if ((*reasons & reason) == 0 || batch_is_full(batch)) return;
  batch_push(batch, socket, kind, result, result < 0 ? socket->detail : 0);
  *reasons &= ~reason;
}

/* Returns true when READY_RECEIVE is to stay. */
static bool poll__receive(struct socket* socket, struct batch* batch) {
  if (socket->state == SOCKET_DEFERRED)
    return listener_deliver_deferred(socket, batch);
  return stream_deliver(socket, batch);
}

/* Looks at one socket; returns what is still to be done for it. */
static unsigned poll__socket(struct batch* batch,
                             struct socket* socket,
                             unsigned reasons) {
  /* Its group was closed, so all that counts is the end of its close. */
  if (socket->is_untold && socket->state == SOCKET_CLOSING)
    reasons &= READY_CLOSE | READY_CLOSED;
  poll__tell(batch,
             socket,
             READY_ACCEPT_FAILED,
             &reasons,
             IOCP_ACCEPTED,
             socket->accept_result);
  poll__tell(batch,
             socket,
             READY_CONNECTED,
             &reasons,
             IOCP_CONNECTED,
             socket->connect_result);
  poll__tell(batch,
             socket,
             READY_RECEIVE_CANCELED,
             &reasons,
             socket->read_armed ? IOCP_READABLE : IOCP_RECEIVED,
             socket->cancel_result);
  if ((reasons & READY_RECEIVE) != 0 && !batch_is_full(batch) &&
      !poll__receive(socket, batch))
    reasons &= ~(unsigned)READY_RECEIVE;
  if ((reasons & READY_SENT) != 0 && !stream_tell_sent(socket, batch))
    reasons &= ~(unsigned)READY_SENT;
  poll__tell(
      batch, socket, READY_SHUT, &reasons, IOCP_SHUT, socket->shut_result);
  if ((reasons & READY_ACCEPT) != 0 && !batch_is_full(batch) &&
      !listener_deliver(socket, batch))
    reasons &= ~(unsigned)READY_ACCEPT;
  if ((reasons & READY_CLOSE) != 0) {
    reasons &= ~(unsigned)READY_CLOSE;
    close_step(socket);
  }
  return reasons;
}

static void poll__walk(struct port* port, struct batch* batch) {
  struct list_node todo, starved;
  list_open(&todo);
  list_open(&starved);
  list_move(&todo, &port->ready);
  while (!list_is_empty(&todo) && !batch_is_full(batch)) {
    struct list_node* node = list_shift(&todo);
    struct socket* socket = LIST_ENTRY(node, struct socket, ready_node);
    unsigned reasons = socket->ready;
    socket->ready = 0;
    reasons = poll__socket(batch, socket, reasons);
    /* Other results come before the last one, so it waits for them. */
    if (reasons == READY_CLOSED && socket->ready == 0 &&
        !batch_is_full(batch)) {
      close_tell(socket, batch);
    } else if (reasons != 0) {
      socket_ready(socket, reasons);
      if ((reasons & READY_RECEIVE) != 0 &&
          (batch->header->flags & IOCP_SLAB_FULL) != 0) {
        list_remove(&socket->ready_node);
        list_push(&starved, &socket->ready_node);
      }
    }
  }
  /* What found no room or was not looked at comes first the next time, or those
   * that always have more would leave it none. */
  list_move(&starved, &todo);
  list_move(&starved, &port->ready);
  list_move(&port->ready, &starved);
}

int32_t iocp_poll(int32_t name,
                  void* events,
                  uint32_t capacity,
                  void* slab,
                  uint32_t offset,
                  uint32_t length) {
  int32_t error;
  struct port* port = port_table_find(name, &error);
  if (port == NULL) return error;
  if (events == NULL || (slab == NULL && length != 0))
    return port_fail(port, -IOCP_EFAULT, 0);
  /* The header and the records say offsets in signed numbers. */
  if (capacity == 0 || capacity > POLL__CAPACITY_MAX || offset > length ||
      length > INT32_MAX || (uintptr_t)events % sizeof(int32_t) != 0)
    return port_fail(port, -IOCP_EINVAL, 0);

  struct batch batch = {
      .header = events,
      .records = (struct iocp_record*)((struct iocp_header*)events + 1),
      .capacity = capacity,
      .slab = slab,
      .offset = offset,
      .length = length};
  batch.header->flags = 0;
  bool is_full = engine_poll(port);
  port->full_polls = is_full ? port->full_polls + 1 : 0;
  /* Behind all that has come, for this thread may have been busy for long. */
  if (port->full_polls % POLL__FULL_MAX == 0) poll__timers(port);
  poll__walk(port, &batch);

  bool has_more = !list_is_empty(&port->ready);
  atomic_store_explicit(&port->ready_hint, has_more, memory_order_relaxed);
  if (is_full || has_more) batch.header->flags |= IOCP_MORE;
  batch.header->slab_end = (int32_t)batch.offset;
  batch.header->sockets = (int32_t)port->sockets.open_count;
  batch.header->timeout_ms =
      port->timers.count == 0 ? -1
                              : timers_next_ms(&port->timers, system_now_ms());
  port->stats.polls++;
  port->stats.records += batch.count;
  return (int32_t)batch.count;
}
