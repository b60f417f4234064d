/* SPDX-License-Identifier: MIT */
/* The times of a schedule come at the rate of --rate, independent of each
 * other, and are always the same for a seed. */
#include "../../bench/load/schedule.h"

#define COUNT 100000

struct options options = {.rate = 1000};

static void check(int is_good, const char* problem) {
  if (!is_good) fail("%s", problem);
}

/* Returns the seconds of COUNT times, and the share of the gaps between them
 * that are below the mean. */
static double run(uint64_t seed, double* below_out) {
  struct schedule schedule;
  options.seed = seed;
  schedule_begin(&schedule, 0);
  uint64_t below = 0, before = 0;
  for (size_t i = 0; i < COUNT; i++) {
    below += (schedule.next_ns - before) * options.rate < NS;
    before = schedule.next_ns;
    schedule_step(&schedule);
  }
  *below_out = (double)below / COUNT;
  return (double)before / NS;
}

int main(void) {
  double below, again;
  double seconds = run(1, &below);
  check(fabs(seconds - COUNT / 1000.0) < 2, "not the rate");
  /* 1 - 1/e of exponential gaps are. */
  check(fabs(below - 0.632) < 0.01, "the gaps are not exponential");
  check(run(1, &again) == seconds, "a seed has other times");
  check(run(2, &again) != seconds, "two seeds have the same times");
  return 0;
}
