/* SPDX-License-Identifier: MIT */
/*
 * A user who polls a port when the library has asked for it, and not before:
 * then everything goes on, and a port that has nothing to do costs nothing.
 */
#ifndef IOCP_PROGRESS_H
#define IOCP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* A wait has said that the port is to be polled, the time that its last poll
 * gave is over, or a call was made since then. */
bool progress_is_due(uint32_t port);

/* All ports are to be polled: calls were made for some of them. */
void progress_called(void);

/* Something was reported; and each time that the ports were polled in vain, for
 * which there is a limit as long as no time passes. */
void progress_began(void);
void progress_check(void);

/* With nothing to do, the user of a port sleeps. */
void progress_idle(uint32_t port);

/* Without a limit, once what had a deadline before has none any more. */
void progress_check_deadline(uint32_t port);

#endif /* IOCP_PROGRESS_H */
