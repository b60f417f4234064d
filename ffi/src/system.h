/* SPDX-License-Identifier: MIT */
/* The few services of the system besides sockets and memory. */
#ifndef IOCP_SYSTEM_H
#define IOCP_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "platform.h"

/* Milliseconds of a clock that never goes back, and stops while the machine
 * sleeps. */
uint64_t system_now_ms(void);

thread_id system_thread(void);

/* From here on port_thread_ended() is called when this thread ends. False: the
 * system has no room to note that. */
bool system_watch_thread(void);

/* Deletes the ports of the calling thread. Implemented in port.c. */
void port_thread_ended(void);

#endif /* IOCP_SYSTEM_H */
