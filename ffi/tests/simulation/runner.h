/* SPDX-License-Identifier: MIT */
/*
 * A child process that runs schedules. It may break a rule, crash or hang; a
 * page of memory that it shares with its parent shows what it was doing.
 */
#ifndef IOCP_RUNNER_H
#define IOCP_RUNNER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tape.h"

/* Seeds that run once more, after the others. */
#define RUNNER_AGAIN_MAX 1024

struct runner_page {
  _Atomic uint64_t seed;              /* of the running schedule */
  _Atomic uint64_t schedules;         /* that have ended */
  _Atomic uint64_t checks;            /* of those schedules */
  uint64_t next;                      /* schedules that have begun */
  uint64_t digests[RUNNER_AGAIN_MAX]; /* of the first seeds */
  char rule[160];                     /* that was broken; empty: none */
  char message[1024];
  struct tape_draws draws; /* of the running schedule */
};

/* Which seeds a child runs: every `step`th from `seed` on; `count` of them, or
 * until a time if that is not 0. */
struct runner_seeds {
  uint64_t seed;
  uint64_t step;
  uint64_t count;
  double until; /* of runner_now() */
};

struct runner {
  struct runner_page* page;
  struct runner_seeds seeds;
  pid_t process; /* 0: none */
  uint64_t seen; /* schedules that had ended at the last check */
  double checked_at;
  double waited; /* seconds since one ended, without pauses of this process */
};

double runner_now(void);

void runner_open(struct runner* runner);
void runner_close(struct runner* runner);

/* Each starts a child. Without a trace, playing draws prints nothing. */
void runner_start(struct runner* runner, const struct runner_seeds* seeds);
void runner_trace(struct runner* runner, uint64_t seed);
void runner_play(struct runner* runner,
                 const uint32_t* draws,
                 size_t count,
                 bool traces);

/* Returns true while it runs. A child that makes no progress for `limit`
 * seconds is ended. Afterwards page->rule has the result. */
bool runner_runs(struct runner* runner, double limit);
void runner_await(struct runner* runner, double limit);

/* Until a child has ended, or for this long. */
void runner_pause(long ns);

/* Ends the child. */
void runner_stop(struct runner* runner);

#endif /* IOCP_RUNNER_H */
