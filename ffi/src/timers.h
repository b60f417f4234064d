/* SPDX-License-Identifier: MIT */
/*
 * The deadlines of a port's sockets, at most one each: a timer wheel of 256
 * slots of 16 ms. A deadline beyond one turn of the wheel stays in its slot
 * until the turn in which it expires.
 */
#ifndef IOCP_TIMERS_H
#define IOCP_TIMERS_H

#include <stdint.h>

#include "list.h"

struct socket;

#define TIMERS_SLOTS 256
#define TIMERS_TICK_MS 16

struct timers {
  struct list_node slots[TIMERS_SLOTS];
  uint64_t tick; /* every slot up to this tick was checked */
  uint32_t count;
};

void timers_open(struct timers* timers, uint64_t now_ms);

/* Sets or moves the socket's deadline. */
void timers_arm(struct timers* timers,
                struct socket* socket,
                uint64_t now_ms,
                uint32_t delay_ms);

/* Does nothing when none is set. */
void timers_disarm(struct timers* timers, struct socket* socket);

/* Removes one socket whose deadline has passed, and returns it, or NULL. */
struct socket* timers_expire(struct timers* timers, uint64_t now_ms);

/* Milliseconds until timers_expire() is due, or -1 when no deadline is set. */
int32_t timers_next_ms(const struct timers* timers, uint64_t now_ms);

#endif /* IOCP_TIMERS_H */
