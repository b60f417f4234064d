/* SPDX-License-Identifier: MIT */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdint.h>
#include <sys/types.h>

/* Memory of a process as the kernel counts it in /proc/PID/status, in KiB. */
struct memory {
  uint64_t resident;  /* VmRSS */
  uint64_t anonymous; /* RssAnon, the part that no file backs */
  uint64_t peak;      /* VmHWM, the most that was ever resident */
};

/* All zero when `pid` is 0. */
struct memory memory_of(pid_t pid);

#endif /* MEMORY_H */
