/* SPDX-License-Identifier: MIT */
/* One schedule, from the start of its world to the end. */
#ifndef IOCP_SCHEDULE_H
#define IOCP_SCHEDULE_H

#include <stdint.h>

/* Runs what the tape says, which has been put in. A violation never returns. */
void schedule_run(void);

/* Completions and results that were compared with the ledger, ever. */
extern uint64_t schedule_checks;

#endif /* IOCP_SCHEDULE_H */
