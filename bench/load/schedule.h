/* SPDX-License-Identifier: MIT */
/*
 * Times that are fixed beforehand, whatever the server does: from a seed,
 * independent of each other at a mean rate, like the requests of many users.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <math.h>
#include <stdint.h>

#include "clock.h"
#include "options.h"

struct schedule {
  uint64_t state;
  uint64_t next_ns;
};

/* SplitMix64, https://prng.di.unimi.it/splitmix64.c; at least 0, below 1. */
static inline double schedule__random(struct schedule* schedule) {
  uint64_t z = schedule->state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static inline void schedule_step(struct schedule* schedule) {
  double gap = -log(1 - schedule__random(schedule));
  schedule->next_ns += (uint64_t)(gap * (double)NS / (double)options.rate);
}

static inline void schedule_begin(struct schedule* schedule, uint64_t now_ns) {
  *schedule = (struct schedule){.state = options.seed, .next_ns = now_ns};
  schedule_step(schedule);
}

#endif /* SCHEDULE_H */
