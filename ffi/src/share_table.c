/* SPDX-License-Identifier: MIT */
#include "share_table.h"

#include <stdatomic.h>

#include "memory.h"
#include "path.h"
#include "port.h"
#include "thread.h"

#define SHARE_TABLE__INDEX_MASK (IOCP_SHARES_MAX - 1)
#define SHARE_TABLE__GENERATION 256
/* Ports that are woken at a time. */
#define SHARE_TABLE__WAKES 16

static struct share share_table__all[IOCP_SHARES_MAX];
static struct monitor share_table__monitor = MONITOR_INIT;

void share_table_enter(void) { monitor_enter(&share_table__monitor); }

bool share_table_try_enter(void) {
  return monitor_try_enter(&share_table__monitor);
}

void share_table_leave(void) { monitor_leave(&share_table__monitor); }

/* Collects the ports to wake; the lock is held. */
static uint32_t share_table__collect(struct list_node* links, int32_t* ids) {
  uint32_t count = 0;
  for (struct list_node* node = links->next;
       node != links && count < SHARE_TABLE__WAKES;
       node = node->next) {
    struct share_link* link = LIST_ENTRY(node, struct share_link, node);
    if (!link->wants_wake) continue;
    link->wants_wake = false;
    ids[count++] = link->socket->port->id;
  }
  return count;
}

/* A port that is deleted meanwhile is not found by its id. */
void share_table_leave_and_wake(struct share* share) {
  int32_t ids[2 * SHARE_TABLE__WAKES];
  for (;;) {
    uint32_t count = share_table__collect(&share->listeners, ids);
    count += share_table__collect(&share->parts, ids + count);
    share_table_leave();
    for (uint32_t i = 0; i < count; i++) port_wake(ids[i]);
    if (count < SHARE_TABLE__WAKES) return;
    share_table_enter();
  }
}

struct share* share_table_find(int32_t id) {
  if (id < 0) return NULL;
  struct share* share = &share_table__all[id & SHARE_TABLE__INDEX_MASK];
  return share->is_open && share->id == id ? share : NULL;
}

struct share* share_table_at(uint32_t index) {
  struct share* share = &share_table__all[index];
  return share->is_open ? share : NULL;
}

struct share* share_table_new(void) {
  for (int32_t i = 0; i < IOCP_SHARES_MAX; i++) {
    struct share* share = &share_table__all[i];
    if (share->is_open) continue;
    int32_t before = share->id & ~SHARE_TABLE__INDEX_MASK;
    *share = (struct share){
        .is_open = true,
        .id = ((before + SHARE_TABLE__GENERATION) & INT32_MAX) | i};
    list_open(&share->listeners);
    list_open(&share->parts);
    list_open(&share->conns);
    return share;
  }
  return NULL;
}

void share_table_free_if_unused(struct share* share) {
  if (!list_is_empty(&share->listeners) || !list_is_empty(&share->parts))
    return;
  share->is_open = false;
  if (share->path != NULL) memory_free(share->path);
  share->path = NULL;
}

struct share_link* share_table_new_link(struct socket* socket) {
  struct share_link* link = memory_alloc(sizeof *link);
  if (link == NULL) return NULL;
  *link = (struct share_link){.socket = socket};
  list_open(&link->conns);
  return link;
}
