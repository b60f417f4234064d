/* SPDX-License-Identifier: MIT */
/* The end of a schedule: whatever can complete must do so in time. */
#ifndef IOCP_SETTLE_H
#define IOCP_SETTLE_H

/* Stops the faults. Everything is read, all directions are shut down and
 * closed; then listeners are tried, and idle ports must report nothing. */
void settle_run(void);

/* Closes everything that is open, in one way or another, and waits for that. */
void settle_close(void);

#endif /* IOCP_SETTLE_H */
