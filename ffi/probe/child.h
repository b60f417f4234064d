/* SPDX-License-Identifier: MIT */
/*
 * An experiment in a process of its own, with a time limit: a hang and a crash
 * are answers as well.
 */
#ifndef PROBE_CHILD_H
#define PROBE_CHILD_H

#include <winsock2.h>

#include "answer.h"
#include "experiment.h"

enum child_end {
  CHILD_ANSWERED,
  CHILD_NOT_ASKED, /* a step before the question failed */
  CHILD_HUNG,      /* it was ended at its limit */
  CHILD_CRASHED,
};

struct result {
  enum child_end end;
  char answer[ANSWER_SIZE];
  char detail[ANSWER_SIZE];
  DWORD took_ms;
};

struct child {
  HANDLE process; /* becomes signaled when it ends */
  HANDLE output;
  ULONGLONG start_ms;
};

/* Returns 0, or the error of a process that could not be started. */
DWORD child_start(struct child* child, const struct experiment* experiment);

/* Whether it has ended; after its limit it is ended. Then the result is stored,
 * and the child is closed. */
bool child_has_ended(struct child* child,
                     DWORD limit_ms,
                     struct result* result_out);

/* Runs in the child; does not return. */
void child_main(const struct experiment* experiment);

#endif /* PROBE_CHILD_H */
