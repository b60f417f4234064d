/* SPDX-License-Identifier: MIT */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <sys/types.h>

#define NS 1000000000ull
#define MS 1000000ull

uint64_t clock_now_ns(void);

/* The CPU time that a process has used, all of its threads together. */
uint64_t clock_cpu_ns(pid_t pid);

#endif /* CLOCK_H */
