/* SPDX-License-Identifier: MIT */
/*
 * Moments that are fixed beforehand, whatever the server does: from a seed,
 * either independent of each other at a mean rate, as those of many users are,
 * or evenly spread between two distances.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdint.h>

struct schedule {
  uint64_t state;
  uint64_t next_ns; /* the next moment */
};

void schedule_begin(struct schedule* schedule, uint64_t now_ns);
void schedule_step(struct schedule* schedule);

#endif /* SCHEDULE_H */
