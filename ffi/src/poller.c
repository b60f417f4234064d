/* SPDX-License-Identifier: MIT */
#include "poller.h"

#include "close.h"
#include "connector.h"
#include "datagram.h"
#include "engine.h"
#include "first_byte.h"
#include "listener.h"
#include "receiver.h"
#include "sender.h"
#include "share.h"
#include "system.h"

/* Polls in a row that leave something in the kernel's queue, after which timers
 * run all the same. */
#define POLLER__FULL_MAX 64

/* The first-byte timeout of an accepted connection has passed. */
static void poller__first_byte_timed_out(struct socket* socket) {
  if (!first_byte_is_missing(socket)) return;
  listener_count_first_byte_timeout(socket);
  close_with_error(socket, -IOCP_ETIMEDOUT);
}

static void poller__timers(struct port* port) {
  if (port->timers.count == 0) return;
  uint64_t now_ms = system_now_ms();
  struct socket* socket;
  while ((socket = timers_expire(&port->timers, now_ms)) != NULL) {
    if (socket->state == SOCKET_LISTENING)
      listener_timed_out(socket);
    else if (socket->state == SOCKET_CLOSING)
      close_timed_out(socket);
    else if (socket->state == SOCKET_DATAGRAM)
      datagram_timed_out(socket);
    else if (socket->state == SOCKET_CONNECTING)
      connector_timed_out(socket);
    else
      poller__first_byte_timed_out(socket);
  }
}

/* Reports one result, if `reason` is among `*reasons`. */
static void poller__report(struct batch* batch,
                           struct socket* socket,
                           unsigned reason,
                           unsigned* reasons,
                           int32_t kind,
                           int32_t result) {
  if ((*reasons & reason) == 0 || batch_is_full(batch)) return;
  batch_push(batch, socket, kind, result, socket_detail(socket, result));
  *reasons &= ~reason;
}

/* Returns true when READY_RECEIVE stays set. */
static bool poller__receive(struct socket* socket, struct batch* batch) {
  /* Streams first: they are what messages cost. */
  if (socket->state == SOCKET_STREAM) return receiver_deliver(socket, batch);
  if (socket->state == SOCKET_DEFERRED)
    return listener_deliver_deferred(socket, batch);
  if (socket->state == SOCKET_DATAGRAM) return datagram_deliver(socket, batch);
  return receiver_deliver(socket, batch);
}

/* What a pending receive is reported as. */
static int32_t poller__receive_kind(const struct socket* socket) {
  if (socket->read_armed) return IOCP_READABLE;
  return socket->is_datagram ? IOCP_DATAGRAMS : IOCP_RECEIVED;
}

/* Visits one socket; returns the reasons that are left. */
static unsigned poller__socket(struct batch* batch,
                               struct socket* socket,
                               unsigned reasons) {
  /* Its group was closed, so only its close is continued. */
  if (socket->is_unreported && socket->state == SOCKET_CLOSING)
    reasons &= READY_CLOSE | READY_CLOSED;
  poller__report(batch,
                 socket,
                 READY_ACCEPT_FAILED,
                 &reasons,
                 IOCP_ACCEPTED,
                 socket->accept_result);
  poller__report(batch,
                 socket,
                 READY_CONNECTED,
                 &reasons,
                 IOCP_CONNECTED,
                 socket->connect_result);
  poller__report(batch,
                 socket,
                 READY_RECEIVE_CANCELED,
                 &reasons,
                 poller__receive_kind(socket),
                 socket->cancel_result);
  if ((reasons & READY_RECEIVE) != 0 && !batch_is_full(batch) &&
      !poller__receive(socket, batch))
    reasons &= ~(unsigned)READY_RECEIVE;
  if ((reasons & READY_SENT) != 0 && !sender_report_sent(socket, batch))
    reasons &= ~(unsigned)READY_SENT;
  poller__report(
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

static void poller__sockets(struct port* port, struct batch* batch) {
  struct list_node todo, starved;
  list_open(&todo);
  list_open(&starved);
  list_move(&todo, &port->ready);
  while (!list_is_empty(&todo) && !batch_is_full(batch)) {
    struct list_node* node = list_shift(&todo);
    struct socket* socket = LIST_ENTRY(node, struct socket, ready_node);
    unsigned reasons = socket->ready;
    socket->ready = 0;
    reasons = poller__socket(batch, socket, reasons);
    /* IOCP_CLOSED is the last record of a socket, so it waits for the others.
     */
    if (reasons == READY_CLOSED && socket->ready == 0 &&
        !batch_is_full(batch)) {
      close_report(socket, batch);
    } else if (reasons != 0) {
      socket_ready(socket, reasons);
      if ((reasons & READY_RECEIVE) != 0 &&
          (batch->header->flags & IOCP_SLAB_FULL) != 0) {
        list_remove(&socket->ready_node);
        list_push(&starved, &socket->ready_node);
      }
    }
  }
  /* Sockets that found no room or were not visited come first in the next poll.
   * Otherwise sockets that always have more would starve them. */
  list_move(&starved, &todo);
  list_move(&starved, &port->ready);
  list_move(&port->ready, &starved);
}

/* When the next poll is due at the latest; -1: no deadline. */
static int32_t poller__next_ms(struct port* port) {
  int32_t engine_ms = engine_next_ms(port);
  if (port->timers.count == 0) return engine_ms;
  int32_t timer_ms = timers_next_ms(&port->timers, system_now_ms());
  return engine_ms < 0 || timer_ms < engine_ms ? timer_ms : engine_ms;
}

void poller_poll(struct port* port, struct batch* batch) {
  struct iocp_header* header = batch->header;
  header->flags = 0;
  bool is_full = engine_poll(port);
  share_poll(port);
  port->full_polls = is_full ? port->full_polls + 1 : 0;
  /* Timers run after the queue is drained: this thread may have been busy past
   * a deadline whose operation has completed in time, with its completion still
   * in the queue. */
  if (port->full_polls % POLLER__FULL_MAX == 0) poller__timers(port);
  poller__sockets(port, batch);

  bool has_more = !list_is_empty(&port->ready);
  atomic_store_explicit(&port->ready_hint, has_more, memory_order_relaxed);
  if (is_full || has_more) header->flags |= IOCP_MORE;
  header->slab_end = (int32_t)batch->offset;
  header->sockets = (int32_t)port->sockets.open_count;
  header->timeout_ms = poller__next_ms(port);
  port->stats.polls++;
  port->stats.records += batch->count;
}
