/* SPDX-License-Identifier: MIT */
#include "listening.h"

#include <string.h>

#include "accept.h"
#include "disk.h"
#include "habits.h"
#include "network.h"
#include "report.h"
#include "sock.h"
#include "tape.h"

static struct list_node listening_all;

void listening_open_all(void) { list_open(&listening_all); }

void listening_open(struct listening* listening,
                    const struct iocp_address* address) {
  listening->address = *address;
  list_open(&listening->backlog);
  list_push(&listening_all, &listening->node);
}

void listening_close(struct listening* listening) {
  struct link* link;
  list_remove(&listening->node);
  while ((link = listening_pop(listening)) != NULL) end_reset(&link->ends[1]);
}

/* ---- addresses */

static bool address__is_v4(const struct iocp_address* address) {
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return address->family == 4 || memcmp(address->bytes, mapped, 12) == 0;
}

static const uint8_t* address__v4(const struct iocp_address* address) {
  return address->family == 4 ? address->bytes : address->bytes + 12;
}

bool address_is_any(const struct iocp_address* address) {
  static const uint8_t zeros[16];
  return memcmp(address->bytes, zeros, address->family == 4 ? 4 : 16) == 0;
}

bool address_is_link_local(const struct iocp_address* address) {
  return address->family == 6 && address->bytes[0] == 0xfe &&
         (address->bytes[1] & 0xc0) == 0x80;
}

bool address_is_same(const struct iocp_address* a,
                     const struct iocp_address* b) {
  return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0 &&
         (!address_is_link_local(a) || a->scope == b->scope);
}

bool address_is_own(const struct iocp_address* address) {
  if (address->family == SOCK_LOCAL) return true;
  static const uint8_t loopback[16] = {[15] = 1};
  static const uint8_t link_local[16] = {0xfe, 0x80, [15] = 1};
  if (address_is_link_local(address))
    return memcmp(address->bytes, link_local, 16) == 0 &&
           (address->scope == 1 || address->scope == 2);
  if (address__is_v4(address)) return address__v4(address)[0] == 127;
  return memcmp(address->bytes, loopback, 16) == 0;
}

static bool listening__is_at(const struct listening* listening,
                             const struct iocp_address* to) {
  const struct iocp_address* at = &listening->address;
  if (at->port != to->port) return false;
  /* A path is not looked for among IP addresses. */
  if (at->family == SOCK_LOCAL || to->family == SOCK_LOCAL)
    return at->family == to->family && !disk_is_unnamed(to);
  if (address_is_any(at)) {
    if (at->family == 4) return address__is_v4(to);
    return to->family == 6 ? !address__is_v4(to) || listening->is_dual_stack
                           : listening->is_dual_stack;
  }
  if (address__is_v4(at) != address__is_v4(to)) return false;
  if (address__is_v4(at))
    return memcmp(address__v4(at), address__v4(to), 4) == 0;
  return address_is_same(at, to);
}

struct listening* listening_next(struct listening* after) {
  struct list_node* node =
      after == NULL ? listening_all.next : after->node.next;
  if (node == &listening_all) return NULL;
  return LIST_ENTRY(node, struct listening, node);
}

/* A listener at the exact address is preferred to one at all addresses. */
static struct listening* listening__of(const struct iocp_address* to) {
  struct listening* found = NULL;
  for (struct listening* one = listening_next(NULL); one != NULL;
       one = listening_next(one)) {
    if (!listening__is_at(one, to)) continue;
    if (found == NULL || !address_is_any(&one->address)) found = one;
  }
  return found;
}

bool listening_has(const struct iocp_address* address) {
  return listening__of(address) != NULL;
}

/* ---- calls to a listener */

/* "If a connection request arrives and the queue is full, the client will
 * receive an error with an indication of WSAECONNREFUSED" (listen()). A posted
 * accept needs no room in the queue. */
static bool listening__is_full(const struct listening* listening) {
  return listening->queued >= listening->queued_max &&
         (listening->sock == NULL || !accept_waits(listening->sock));
}

enum listening_answer listening_answer(struct link* link) {
  struct listening* listening = listening__of(&link->ends[1].name);
  if (listening == NULL && !address_is_own(&link->ends[1].name))
    return tape_choose(2) == 0 ? LISTENING_IS_UNREACHABLE : LISTENING_IS_SILENT;
  if (listening == NULL || habits_break(habits.refusals))
    return LISTENING_REFUSES;
  if (listening->is_silent) return LISTENING_IS_SILENT;
  if (listening__is_full(listening)) {
    TRACE("  the backlog of port %u is full", listening->address.port);
    return LISTENING_REFUSES;
  }
  link->is_exclusive = listening->sock != NULL && listening->sock->is_exclusive;
  link->state = LINK_QUEUED;
  list_push(&listening->backlog, &link->backlog_node);
  listening->queued++;
  if (listening->sock != NULL) accept_serve(listening->sock);
  return LISTENING_TAKES;
}

struct link* listening_pop(struct listening* listening) {
  if (list_is_empty(&listening->backlog)) return NULL;
  struct list_node* node = list_shift(&listening->backlog);
  struct link* link = LIST_ENTRY(node, struct link, backlog_node);
  listening->queued--;
  link->state = LINK_TAKEN;
  return link;
}

void listening_moved(struct link* link) {
  struct listening* listening = listening__of(&link->ends[1].name);
  /* A connection that was reset is removed from the backlog, or the accept
   * fails later. */
  if (listening == NULL || !link->flows[1].rst_arrived ||
      !habits_fault(habits.vanishings))
    return;
  list_remove(&link->backlog_node);
  listening->queued--;
  link->state = LINK_TAKEN;
  link->ends[1].is_closed = true;
}
