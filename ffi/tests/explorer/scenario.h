/* SPDX-License-Identifier: MIT */
/*
 * Scenarios: short programs with two or three threads that use the library at
 * once, over world.h. A rule that one of their orders breaks, a crash, or
 * threads that all wait, is a fault.
 */
#ifndef EXPLORER_SCENARIO_H
#define EXPLORER_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"

struct scenario {
  const char* name;
  void (*run)(void);
  /* Of a short run; the calls of Linux itself take longer. */
  uint32_t preemptions;
  uint32_t preemptions_linux;
};

extern const struct scenario scenarios_callbacks[];
extern const struct scenario scenarios_waits[];
extern const struct scenario scenarios_shares[];

/* Begins and ends each of them. Nothing in between may wait for a timer: a
 * wake-up that is lost must not be made good by one. */
void scenario_open(void);
void scenario_close(void);

/* What comes before is not what this scenario is about: there are no
 * preemptions before, and each other thread has gone as far as it can. Likewise
 * for the rest. */
void scenario_begin(void);
void scenario_end(void);

/* This one may last longer, for what a timer has to notice. */
void scenario_may_last(uint32_t ms);

/* Other threads may run here. */
void scenario_point(void);

/* What a peer has done arrives. */
void scenario_deliver(void);

/* Waits until another thread has set it. */
struct scenario_flag {
  uint32_t count;
};
void scenario_raise(struct scenario_flag* flag);
void scenario_await(struct scenario_flag* flag, uint32_t count);

#endif /* EXPLORER_SCENARIO_H */
