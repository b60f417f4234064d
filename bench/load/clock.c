/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "fail.h"

static uint64_t clock__read(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time) != 0)
    fail("the server is gone: %s", strerror(errno));
  return (uint64_t)time.tv_sec * NS + (uint64_t)time.tv_nsec;
}

uint64_t clock_now_ns(void) { return clock__read(CLOCK_MONOTONIC); }

uint64_t clock_cpu_ns(pid_t pid) {
  clockid_t clock;
  if (pid == 0) return 0;
  if (clock_getcpuclockid(pid, &clock) != 0) fail("no process %d", (int)pid);
  return clock__read(clock);
}
