/* SPDX-License-Identifier: MIT */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "fail.h"

#define NS 1000000000ull
#define MS 1000000ull

static inline uint64_t clock_read_ns(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time) != 0) fail("the server has ended");
  return (uint64_t)time.tv_sec * NS + (uint64_t)time.tv_nsec;
}

static inline uint64_t clock_now_ns(void) {
  return clock_read_ns(CLOCK_MONOTONIC);
}

/* The CPU time of all threads of a process. */
static inline uint64_t clock_cpu_ns(pid_t pid) {
  clockid_t clock;
  if (clock_getcpuclockid(pid, &clock) != 0) fail("no process %d", (int)pid);
  return clock_read_ns(clock);
}

#endif /* CLOCK_H */
