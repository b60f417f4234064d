/* SPDX-License-Identifier: MIT */
/* One schedule, from start to end. */
#ifndef IOCP_SCHEDULE_H
#define IOCP_SCHEDULE_H

#include <stdint.h>

/* Runs the tape that was set. Does not return after a violation. */
void schedule_run(void);

/* How many records and results were compared with the ledger, in total. */
extern uint64_t schedule_checks;

#endif /* IOCP_SCHEDULE_H */
