/* SPDX-License-Identifier: MIT */
/* Runs the experiments of some themes, a few at a time. */
#ifndef PROBE_RUN_H
#define PROBE_RUN_H

#include "child.h"

#define RUN_JOBS_MAX 16

struct options {
  const struct theme* themes;
  const char* filter; /* a part of the names of those to run, or NULL */
  const char* json;   /* a file, or NULL */
  DWORD limit_ms;     /* of each experiment */
  DWORD jobs;
};

/* Prints the results. Returns 0, or 1 with a message if it could not run. */
int run_all(const struct options* options);

/* Prints why it cannot run, and returns 1. The error is 0 if there is none. */
int run_fail(const char* what, DWORD error);

#endif /* PROBE_RUN_H */
