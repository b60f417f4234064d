/* SPDX-License-Identifier: MIT */
/* Other threads that take parts of a share: each has a port of its own, accepts
 * for a while, closes what it gets, and ends in one of several ways. */
#ifndef IOCP_SHARERS_H
#define IOCP_SHARERS_H

#include <stdbool.h>

#include "ledger.h"

void sharers_open(void);

/* Starts one. */
void sharers_join(struct ledger_share* share);

/* Ends one that the tape says, or all. */
void sharers_leave(void);
void sharers_close(void);

/* Enters into the ledger what they have accepted since the last call. */
void sharers_collect(void);

/* One takes connections now, and goes on until it is to end. */
bool sharers_take(const struct ledger_share* share);

/* There is or was one. */
bool sharers_were_in(const struct ledger_share* share);

#endif /* IOCP_SHARERS_H */
