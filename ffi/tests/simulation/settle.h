/* SPDX-License-Identifier: MIT */
/* The end of a schedule: what can go on must, and within its time. */
#ifndef IOCP_SETTLE_H
#define IOCP_SETTLE_H

/* There are no more faults. Everybody reads, says the end and is answered; then
 * listeners are tried, and ports that have nothing to do must be quiet. */
void settle_run(void);

/* Closes what is open in one way or another, and waits for it. */
void settle_close(void);

#endif /* IOCP_SETTLE_H */
