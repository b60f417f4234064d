/* SPDX-License-Identifier: MIT */
#include "timers.h"

#include "socket.h"

void timers_open(struct timers* timers, uint64_t now_ms) {
  for (unsigned i = 0; i < TIMERS_SLOTS; i++) list_open(&timers->slots[i]);
  timers->tick = now_ms / TIMERS_TICK_MS;
  timers->count = 0;
}

void timers_arm(struct timers* timers,
                struct socket* socket,
                uint64_t now_ms,
                uint32_t delay_ms) {
  timers_disarm(timers, socket);
  /* An empty wheel is not advanced, so its tick may be old. */
  if (timers->count == 0) timers->tick = now_ms / TIMERS_TICK_MS;
  socket->deadline_ms = now_ms + delay_ms;
  /* The slot after the deadline's, so that the deadline has passed when the
   * slot is checked. */
  uint64_t tick = socket->deadline_ms / TIMERS_TICK_MS + 1;
  list_push(&timers->slots[tick % TIMERS_SLOTS], &socket->timer_node);
  timers->count++;
}

void timers_disarm(struct timers* timers, struct socket* socket) {
  if (!list_has(&socket->timer_node)) return;
  list_remove(&socket->timer_node);
  timers->count--;
}

/* The first socket in the slot whose deadline has passed, or NULL. */
static struct socket* timers__expired(struct list_node* slot, uint64_t now_ms) {
  for (struct list_node* node = slot->next; node != slot; node = node->next) {
    struct socket* socket = LIST_ENTRY(node, struct socket, timer_node);
    if (socket->deadline_ms <= now_ms) return socket;
  }
  return NULL;
}

struct socket* timers_expire(struct timers* timers, uint64_t now_ms) {
  uint64_t now = now_ms / TIMERS_TICK_MS;
  /* A first deadline may have been set after the caller has read the clock, and
   * then the wheel is ahead of it. */
  if (timers->count == 0 || now <= timers->tick) return NULL;
  /* After a long pause, one turn of the wheel checks every slot. */
  if (now - timers->tick > TIMERS_SLOTS) timers->tick = now - TIMERS_SLOTS;
  while (timers->tick < now) {
    struct list_node* slot = &timers->slots[(timers->tick + 1) % TIMERS_SLOTS];
    struct socket* socket = timers__expired(slot, now_ms);
    if (socket != NULL) {
      timers_disarm(timers, socket);
      return socket;
    }
    timers->tick++;
  }
  return NULL;
}

int32_t timers_next_ms(const struct timers* timers, uint64_t now_ms) {
  if (timers->count == 0) return -1;
  for (uint64_t i = 1; i <= TIMERS_SLOTS; i++) {
    uint64_t tick = timers->tick + i;
    if (list_is_empty(&timers->slots[tick % TIMERS_SLOTS])) continue;
    uint64_t at_ms = tick * TIMERS_TICK_MS;
    return at_ms > now_ms ? (int32_t)(at_ms - now_ms) : 0;
  }
  return -1; /* not reached: count > 0 */
}
