/* SPDX-License-Identifier: MIT */
/* The quantiles of a histogram are those of the sorted values, or above them by
 * no more than a bucket. */
#include <stdio.h>
#include <stdlib.h>

#include "../load/histogram.h"

#define COUNT 100000

static const double shares[] = {0, 0.25, 0.5, 0.9, 0.99, 0.999, 0.99999};

static int compare(const void* a, const void* b) {
  uint64_t left = *(const uint64_t*)a, right = *(const uint64_t*)b;
  return left < right ? -1 : left > right;
}

static void check(const char* name, uint64_t* values, size_t count) {
  static struct histogram histogram;
  histogram = (struct histogram){0};
  for (size_t i = 0; i < count; i++) histogram_add(&histogram, values[i]);
  qsort(values, count, sizeof *values, compare);
  for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
    uint64_t exact = values[(size_t)((double)count * shares[i])];
    uint64_t found = histogram_quantile(&histogram, shares[i]);
    if (found >= exact && found - exact <= exact / HISTOGRAM_STEPS) continue;
    fprintf(stderr,
            "%s: the quantile of %g is %llu, not %llu\n",
            name,
            shares[i],
            (unsigned long long)found,
            (unsigned long long)exact);
    exit(1);
  }
  if (histogram.count == count && histogram.max == values[count - 1] &&
      histogram_quantile(&histogram, 1) == histogram.max)
    return;
  fprintf(stderr, "%s: not the count or the greatest\n", name);
  exit(1);
}

int main(void) {
  static uint64_t values[COUNT];
  for (size_t i = 0; i < COUNT; i++) values[i] = i;
  check("one of each", values, COUNT);
  uint64_t state = 1;
  for (size_t i = 0; i < COUNT; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    values[i] = state >> (state >> 58);
  }
  check("all magnitudes", values, COUNT);
  for (size_t i = 0; i < COUNT; i++) values[i] = 12345;
  check("all the same", values, COUNT);
  values[0] = UINT64_MAX;
  check("the greatest number", values, 1);
  return 0;
}
