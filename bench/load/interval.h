/* SPDX-License-Identifier: MIT */
/*
 * A warm-up, and then the interval that counts: for a time, or for a number of
 * messages. The CPU clock of the server is read at both ends of just that.
 */
#ifndef INTERVAL_H
#define INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

enum phase { WARM_UP, COUNTED, OVER };

struct interval {
  enum phase phase;
  uint64_t begun_ns;
  uint64_t start_ns;
  uint64_t end_ns;
  uint64_t cpu_ns;   /* of the server, within it */
  uint64_t load_ns;  /* of the load itself */
  uint64_t messages; /* within it */
  uint64_t messages_before;
};

/* Begins the warm-up. */
void interval_begin(struct interval* interval);

/*
 * To be called after every turn with the number of messages since the very
 * beginning; returns false when the interval is over.
 */
bool interval_goes_on(struct interval* interval, uint64_t messages);

#endif /* INTERVAL_H */
