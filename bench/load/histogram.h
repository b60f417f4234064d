/* SPDX-License-Identifier: MIT */
/*
 * Counts of nanoseconds in buckets that are never wider than 1/64 of what is in
 * them, like an HdrHistogram.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BITS 6
#define HISTOGRAM_STEPS (1u << HISTOGRAM_BITS)
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_BITS + 1) * HISTOGRAM_STEPS)

struct histogram {
  uint64_t count;
  uint64_t max;
  uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline void histogram_add(struct histogram* histogram, uint64_t value) {
  unsigned shift = 0;
  if (value >= 2 * HISTOGRAM_STEPS)
    shift = 63 - HISTOGRAM_BITS - (unsigned)__builtin_clzll(value);
  histogram->buckets[shift * HISTOGRAM_STEPS + (value >> shift)]++;
  histogram->count++;
  if (value > histogram->max) histogram->max = value;
}

/* The value that `share` (0 to 1) of all values do not exceed. */
static inline uint64_t histogram_quantile(const struct histogram* histogram,
                                          double share) {
  uint64_t wanted = (uint64_t)((double)histogram->count * share);
  uint64_t seen = 0;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += histogram->buckets[i];
    if (seen <= wanted) continue;
    unsigned shift = i / HISTOGRAM_STEPS == 0 ? 0 : i / HISTOGRAM_STEPS - 1;
    uint64_t end = (((uint64_t)i - shift * HISTOGRAM_STEPS + 1) << shift) - 1;
    return end < histogram->max ? end : histogram->max;
  }
  return histogram->max;
}

#endif /* HISTOGRAM_H */
