/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#include <math.h>

#include "clock.h"
#include "options.h"

/* SplitMix64, https://prng.di.unimi.it/splitmix64.c; at least 0, below 1. */
static double schedule__random(struct schedule* schedule) {
  uint64_t z = schedule->state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

void schedule_begin(struct schedule* schedule, uint64_t now_ns) {
  *schedule = (struct schedule){.state = options.seed, .next_ns = now_ns};
  schedule_step(schedule);
}

void schedule_step(struct schedule* schedule) {
  double random = schedule__random(schedule);
  double gap_ns;
  if (options.rate != 0) {
    gap_ns = -log(1 - random) * (double)NS / (double)options.rate;
  } else {
    double spread = (double)(options.gap_max_us - options.gap_min_us);
    gap_ns = ((double)options.gap_min_us + random * spread) * 1000;
  }
  schedule->next_ns += (uint64_t)gap_ns;
}
