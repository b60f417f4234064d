/* SPDX-License-Identifier: MIT */
#include "share_queue.h"

#include <stdatomic.h>

#include "debug.h"
#include "port.h"
#include "share_table.h"
#include "socket.h"

/* A port whose flag is set already was woken for it, or is about to poll. */
void share_queue_announce(struct share_link* link) {
  link->is_due = true;
  if (!atomic_exchange(&link->socket->port->share_hint, true))
    link->wants_wake = true;
}

/* The part that is to get the next connection, among those with fewer than
 * `max` that wait for their polls; or NULL. */
static struct share_link* share_queue__choose(struct share* share,
                                              uint32_t max) {
  struct share_link* best = NULL;
  struct list_node* list = &share->parts;
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct share_link* part = LIST_ENTRY(node, struct share_link, node);
    if (!part->takes || part->waiting >= max) continue;
    if (best == NULL || part->waiting < best->waiting) best = part;
  }
  return best;
}

void share_queue_assign(struct share* share, uint32_t max) {
  struct share_link* part;
  while (share->waiting != 0 &&
         (part = share_queue__choose(share, max)) != NULL) {
    share->waiting--;
    list_push(&part->conns, list_shift(&share->conns));
    if (part->waiting++ == 0) share_queue_announce(part);
    list_remove(&part->node);
    list_push(&share->parts, &part->node);
  }
}

bool share_queue_accepts(struct share* share, uint32_t left) {
  return share->waiting <= left &&
         share_queue__choose(share, UINT32_MAX) != NULL;
}

void share_queue_resume(struct share* share) {
  struct list_node* list = &share->listeners;
  share_queue_assign(share, IOCP_SHARE_PART_MAX);
  if (!share_queue_accepts(share, IOCP_SHARE_QUEUE_MAX / 2)) return;
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct share_link* link = LIST_ENTRY(node, struct share_link, node);
    if (!link->lacks_room) continue;
    link->lacks_room = false;
    share_queue_announce(link);
  }
}

/* The part delivers no more of what it was given. It comes first: it is
 * older than what waits already. */
void share_queue_return(struct share_link* part) {
  struct share* share = part->share;
  if (part->waiting == 0) return;
  list_move(&part->conns, &share->conns);
  list_move(&share->conns, &part->conns);
  share->waiting += part->waiting;
  part->waiting = 0;
}

void share_queue_give_rest(struct share* share, struct list_node* lost) {
  share_queue_assign(share, UINT32_MAX);
  list_move(lost, &share->conns);
  share->waiting = 0;
}

/* The part takes no more. What no part takes stays with it when the share is
 * over, as it may take again. */
void share_queue_pause(struct share_link* part) {
  uint32_t count = part->waiting;
  share_queue_return(part);
  if (!part->share->is_over) return;
  share_queue_assign(part->share, UINT32_MAX);
  if (part->share->waiting == 0) return;
  debug_check(part->share->waiting == count);
  list_move(&part->conns, &part->share->conns);
  part->waiting = count;
  part->share->waiting = 0;
}

/* Tells the parts that nothing more comes. */
void share_queue_end(struct share* share, struct list_node* lost) {
  struct list_node* list = &share->parts;
  if (!list_is_empty(&share->listeners)) return;
  share->is_over = true;
  share_queue_give_rest(share, lost);
  for (struct list_node* node = list->next; node != list; node = node->next)
    share_queue_announce(LIST_ENTRY(node, struct share_link, node));
}
