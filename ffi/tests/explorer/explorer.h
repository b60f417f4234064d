/* SPDX-License-Identifier: MIT */
/*
 * Runs a scenario once for each order of its threads, as CHESS does (Musuvathi
 * and others, OSDI 2008): depth first, with at most `preemptions_max` switches
 * from a thread that could have gone on. Where a thread waits, every other one
 * is tried, which counts as none.
 *
 * A thread may be switched before an access to an atomic variable, before it
 * takes or leaves a lock, and in a call of the system. Between these it uses
 * memory that no other thread uses meanwhile: ThreadSanitizer looks for the
 * contrary. So two orders in which each thread has seen the same, by the same
 * accesses of others, lead to the same, and only one of them is continued.
 */
#ifndef EXPLORER_H
#define EXPLORER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPLORER_DEPTH 65536

/* A way that was taken: where a thread makes its nth access or wait. */
struct explorer_choice {
  uint32_t event;
  uint8_t thread;
  uint8_t way; /* 0: it goes on, or the first of the others */
};

struct explorer_path {
  size_t length;
  uint32_t preemptions;
  struct explorer_choice choices[EXPLORER_DEPTH];
};

struct explorer_result {
  uint64_t schedules;
  uint64_t pruned;   /* that have met another one */
  size_t places_max; /* at which one schedule could switch */
  bool is_complete;  /* it has not run out of time */
};

/* Explores until `until` (as explorer_now()), and keeps the running path in
 * `*path`, which may be memory that outlives a crash. */
struct explorer_result explorer_run(void (*scenario)(void),
                                    uint32_t preemptions_max,
                                    double until,
                                    struct explorer_path* path);

/* While it is quiet, no thread is preempted, and the first one goes on where
 * another one waits. */
void explorer_be_quiet(bool is_quiet);

/* Runs the second path, and keeps what is run in the first. */
void explorer_replay(void (*scenario)(void), struct explorer_path* paths);

double explorer_now(void);

#endif /* EXPLORER_H */
