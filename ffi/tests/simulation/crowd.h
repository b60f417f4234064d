/* SPDX-License-Identifier: MIT */
/* Other threads: they wait for a port, wake it, misuse it, or have one of their
 * own. */
#ifndef IOCP_CROWD_H
#define IOCP_CROWD_H

#include <stdbool.h>
#include <stdint.h>

void crowd_open(void);

/* Starts a thread, which does what the tape says. */
void crowd_join(void);

/* Wakes the port from this thread, which must end a wait of another one. */
void crowd_wake(uint32_t port);

/* Whether the wait of the thread that waits for the port without a limit ends
 * within this time; also true if there is no such thread. */
bool crowd_wait_ends(uint32_t port, uint32_t limit_ms);

/* Ends the threads that wait for this port, or all. */
void crowd_stop(uint32_t port);
void crowd_close(void);

/* Ends those that do not wait for a port; and then, after the end of the
 * process, forgets the others. */
void crowd_reduce(void);
void crowd_forget(void);

/* A wait of the thread that waits for the port has ended with 1 since the last
 * time that this was asked. */
bool crowd_wait_ended(uint32_t port);

#endif /* IOCP_CROWD_H */
