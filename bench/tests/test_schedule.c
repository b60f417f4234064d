/* SPDX-License-Identifier: MIT */
/* The moments of a schedule come at the rate that was asked for, or within the
 * distances, and a seed has always the same ones. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "../load/clock.h"
#include "../load/options.h"
#include "../load/schedule.h"

#define COUNT 100000

static void check(bool is_good, const char* what) {
  if (is_good) return;
  fprintf(stderr, "%s\n", what);
  exit(1);
}

/* The time of COUNT moments, and what share of the gaps is below the mean. */
static double run(uint64_t seed, double* below_out) {
  struct schedule schedule;
  options.seed = seed;
  schedule_begin(&schedule, 0);
  double mean = (double)NS / 1000;
  uint64_t below = 0, before = 0;
  for (size_t i = 0; i < COUNT; i++) {
    below += (double)(schedule.next_ns - before) < mean;
    before = schedule.next_ns;
    schedule_step(&schedule);
  }
  *below_out = (double)below / COUNT;
  return (double)before / NS;
}

int main(void) {
  double below, again;
  options.rate = 1000;
  double seconds = run(1, &below);
  check(fabs(seconds - COUNT / 1000.0) < 2, "not the rate");
  /* Of gaps that are independent of each other, 1 - 1/e are. */
  check(fabs(below - 0.632) < 0.01, "the gaps are not exponential");
  check(run(1, &again) == seconds, "a seed has other moments");
  check(run(2, &again) != seconds, "two seeds have the same moments");

  options.rate = 0;
  options.gap_min_us = 10000;
  options.gap_max_us = 20000;
  struct schedule schedule;
  schedule_begin(&schedule, 0);
  for (size_t i = 0; i < COUNT; i++) {
    uint64_t before = schedule.next_ns;
    schedule_step(&schedule);
    uint64_t gap = schedule.next_ns - before;
    check(gap >= 10 * MS && gap <= 20 * MS, "a gap is out of bounds");
  }
  return 0;
}
