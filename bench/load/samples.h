/* SPDX-License-Identifier: MIT */
/* A list of durations in nanoseconds, for its exact quantiles. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#include "fail.h"

struct samples {
  uint64_t* values;
  size_t count;
  size_t room;
};

static inline void samples_add(struct samples* samples, uint64_t value) {
  if (samples->count == samples->room) {
    samples->room = samples->room == 0 ? 1 << 20 : 2 * samples->room;
    samples->values =
        realloc(samples->values, samples->room * sizeof *samples->values);
    if (samples->values == NULL) fail("out of memory");
  }
  samples->values[samples->count++] = value;
}

static inline int samples__compare(const void* a, const void* b) {
  uint64_t left = *(const uint64_t*)a, right = *(const uint64_t*)b;
  return left < right ? -1 : left > right;
}

/* The value in microseconds that a share (0 to below 1) of all is below; 0 if
 * there are none. Sorts them. */
static inline double samples_quantile_us(struct samples* samples,
                                         double share) {
  if (samples->count == 0) return 0;
  qsort(samples->values,
        samples->count,
        sizeof *samples->values,
        samples__compare);
  return (double)samples->values[(size_t)((double)samples->count * share)] /
         1000;
}

#endif /* SAMPLES_H */
