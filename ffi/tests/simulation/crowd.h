/* SPDX-License-Identifier: MIT */
/* Other threads: those who wait for a port, wake it, misuse it, or have one of
 * their own. */
#ifndef IOCP_CROWD_H
#define IOCP_CROWD_H

#include <stdint.h>

void crowd_open(void);

/* One more, who does what the tape says. */
void crowd_join(void);

/* Wakes the port from this thread, and has a wait of another one end by it. */
void crowd_wake(uint32_t port);

/* Sends home those who wait for this port, or all. */
void crowd_leave(uint32_t port);
void crowd_close(void);

#endif /* IOCP_CROWD_H */
