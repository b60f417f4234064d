/* SPDX-License-Identifier: MIT */
/*
 * The deadlines of a port's sockets, at most one each: a wheel of 256 slots of
 * 16 ms. A deadline further away than one turn stays in its slot until its
 * turn has come.
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
  uint64_t tick; /* every slot up to this tick has been looked at */
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

/* Takes one socket whose deadline has passed out of the wheel, or NULL. */
struct socket* timers_expire(struct timers* timers, uint64_t now_ms);

/* Milliseconds until the wheel needs a look, or -1 when it is empty. */
int32_t timers_next_ms(const struct timers* timers, uint64_t now_ms);

#endif /* IOCP_TIMERS_H */
