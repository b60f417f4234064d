/* SPDX-License-Identifier: MIT */
#include "accept.h"

#include <mswsock.h>

#include "extension.h"
#include "habits.h"
#include "kernel.h"
#include "network.h"
#include "op.h"
#include "report.h"
#include "sock.h"
#include "tape.h"

static void accept__detach(struct op* op) {
  op->target->accept = NULL;
  if (op->target->state == SOCK_ACCEPTING) op->target->state = SOCK_NEW;
}

/* An accept that fails leaves its target unconnected. The connection that it
 * had been given is aborted, or stays with the target until that is closed. */
static void accept__abandon(struct sock* target) {
  struct end* end = target->end;
  if (end == NULL || habits.lingers_early) return;
  target->end = NULL;
  target->lacks_context = false;
  end_reset(end);
}

void accept_canceled(struct op* op) {
  accept__detach(op);
  accept__abandon(op->target);
}

void accept_target_closed(struct sock* target) {
  static const LONG statuses[] = {
      STATUS_IS_CANCELLED, STATUS_LOCAL_DISCONNECTED, STATUS_WAS_ABORTED};
  struct op* op = target->accept;
  accept__detach(op);
  accept__abandon(target);
  op_done(op, statuses[tape_choose(3)], 0);
}

/* ---- giving a connection to an accept */

static void accept__write_names(const struct op* op) {
  const struct sock* target = op->target;
  struct iocp_address peer =
      sock_address_for(target, &target->end->other->name);
  uint8_t* place = op->buffer + op->data_size;
  SOCKADDR* local = (SOCKADDR*)(void*)place;
  SOCKADDR* remote = (SOCKADDR*)(void*)(place + ACCEPT_NAME_SIZE);
  /* The sizes have been checked. */
  sock_address_out(&target->local, local, ACCEPT_NAME_SIZE);
  sock_address_out(&peer, remote, ACCEPT_NAME_SIZE);
}

/* The accept has a connection and, if it asked for data, data or the end. */
static void accept__finish(struct op* op) {
  /* The cancel came first, or the engine found the accept pending and is about
   * to close its target. It cannot guard against these races: closing the
   * target is the only documented way to end the connection, and without its
   * context that sends a FIN once the accept has completed. */
  if (op->is_canceling || op->is_ending) habits.has_raced = true;
  op_touch(op);
  uint32_t bytes = end_receive(op->target->end, op->buffer, op->data_size);
  accept__write_names(op);
  op->target->accept = NULL;
  op_done(op, STATUS_OK, bytes);
}

void accept_moved(struct sock* target) {
  struct op* op = target->accept;
  const struct flow* in = target->end->in;
  if (in->rst_arrived) {
    target->accept = NULL;
    op_done(op, sock_reset_status(), 0);
  } else if (end_readable(target->end) != 0 || in->fin_arrived) {
    accept__finish(op);
  }
}

static void accept__attach(struct op* op, struct link* link) {
  struct sock* target = op->target;
  op->is_attached = true;
  list_remove(&op->node);
  list_push(&op->sock->accepts, &op->node);
  sock_attach(target, &link->ends[1]);
  if (op->data_size != 0)
    accept_moved(target);
  else
    accept__finish(op);
}

/* The peer has reset the connection. Returns whether that ends an accept. */
static bool accept__vanishes(struct op* op, struct link* link) {
  if (!link->flows[1].rst_arrived || tape_choose(3) == 0) return false;
  link->ends[1].is_closed = true;
  accept__detach(op);
  op_done(op, sock_reset_status(), 0);
  return true;
}

static struct op* accept__next(const struct sock* listener) {
  for (struct list_node* node = listener->accepts.next;
       node != &listener->accepts;
       node = node->next) {
    struct op* op = LIST_ENTRY(node, struct op, node);
    if (!op->is_attached) return op;
  }
  return NULL;
}

bool accept_waits(const struct sock* listener) {
  return accept__next(listener) != NULL;
}

void accept_serve(struct sock* listener) {
  struct op* op;
  while ((op = accept__next(listener)) != NULL) {
    struct link* link = listening_pop(&listener->listening);
    if (link == NULL) return;
    if (!accept__vanishes(op, link)) accept__attach(op, link);
  }
}

/* ---- posting an accept */

static bool accept__check(const struct sock* listener,
                          const struct sock* target) {
  if (listener->state != SOCK_LISTENING) return kernel_fail(WSAEINVAL);
  RULE("AcceptEx() is given a socket that is neither bound nor connected",
       target->state == SOCK_NEW && target->family == listener->family);
  if (habits_fault(habits.kernel_faults)) return kernel_fail(WSAENOBUFS);
  /* "An incoming connection was indicated, but was subsequently terminated by
   * the remote peer prior to accepting the call." */
  if (habits_fault(habits.vanishings) && tape_chance(200))
    return kernel_fail(WSAECONNRESET);
  return true;
}

BOOL WINAPI extension_accept_ex(SOCKET handle,
                                SOCKET target_handle,
                                void* output,
                                DWORD data_size,
                                DWORD local_size,
                                DWORD remote_size,
                                DWORD* received,
                                OVERLAPPED* overlapped) {
  kernel_enter();
  struct sock* listener = sock_find(handle, "AcceptEx");
  struct sock* target = sock_find(target_handle, "AcceptEx");
  if (listener == NULL || target == NULL) return kernel_fail(WSAENOTSOCK);
  /* "This value must be at least 16 bytes more than the maximum address
   * length". That of IPv6 is 28, and programs use it for both families. */
  RULE("AcceptEx() has room for both addresses",
       local_size == ACCEPT_NAME_SIZE && remote_size == ACCEPT_NAME_SIZE);
  if (!accept__check(listener, target)) return FALSE;
  struct op* op = op_new(listener, OP_ACCEPT, overlapped, "AcceptEx");
  op->target = target;
  op->data_size = data_size;
  op_give_buffer(op, output, data_size + local_size + remote_size);
  op_give_count(op, received);
  target->accept = op;
  target->state = SOCK_ACCEPTING;
  /* A waiting connection may be accepted at once; a packet is queued then only
   * if the handle does not skip packets. */
  if (!list_is_empty(&listener->listening.backlog) && data_size == 0 &&
      accept__next(listener) == NULL && sock_skips_packets(listener) &&
      habits_fault(habits.immediate)) {
    struct link* link = listening_pop(&listener->listening);
    sock_attach(target, &link->ends[1]);
    accept__write_names(op);
    target->accept = NULL;
    op_drop_done(op, STATUS_OK, 0);
    return kernel_succeed();
  }
  list_push(&listener->accepts, &op->node);
  op_pend(op);
  accept_serve(listener);
  return op_answer(op);
}

static int accept__name_length(const SOCKADDR* name) {
  if (name->sa_family == AF_UNIX) return SOCK_LOCAL_NAME;
  return name->sa_family == AF_INET ? 16 : 28;
}

void WINAPI extension_get_accept_ex_sockaddrs(void* output,
                                              DWORD data_size,
                                              DWORD local_size,
                                              DWORD remote_size,
                                              SOCKADDR** local,
                                              int* local_length,
                                              SOCKADDR** remote,
                                              int* remote_length) {
  uint8_t* place = (uint8_t*)output + data_size;
  kernel_enter();
  RULE("the addresses are where AcceptEx() was asked to put them",
       local_size == ACCEPT_NAME_SIZE && remote_size == ACCEPT_NAME_SIZE);
  *local = (SOCKADDR*)(void*)place;
  *remote = (SOCKADDR*)(void*)(place + local_size);
  *local_length = accept__name_length(*local);
  *remote_length = accept__name_length(*remote);
}
