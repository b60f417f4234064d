/* SPDX-License-Identifier: MIT */
/* Services of the system besides sockets, memory and threads. */
#ifndef IOCP_SYSTEM_H
#define IOCP_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "platform.h"

/* Milliseconds of a clock that never goes back, and stops while the machine
 * sleeps. */
uint64_t system_now_ms(void);

thread_id system_thread(void);

/* Calls `ended` on this thread when it ends; with true when the process ends
 * with it, and has terminated all other threads, wherever they were. Every call
 * passes the same function. Returns false when the system has no room to note
 * it. */
bool system_watch_thread(void (*ended)(bool process_ends));

#endif /* IOCP_SYSTEM_H */
