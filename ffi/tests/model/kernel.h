/* SPDX-License-Identifier: MIT */
/*
 * A model of the Windows that the engine stands on: sockets, overlapped
 * operations, completion ports, threads, memory and time, all of it in one
 * process and moved by nothing but the tape. The engine's own files, unchanged,
 * are compiled against include/ and linked with it.
 *
 *   fiber    threads that take turns, and the clock      tape    what comes
 * next network  connections: bytes, FIN and RST that travel peer     the other
 * machines
 *   sock     sockets          \
 *   option   their options     | Winsock
 *   transfer send and receive  |
 *   accept   connect          /
 *   program  sockets that the program makes by itself
 *   op       operations in flight: guarded, completed, late
 *   port     packets
 *   object   handles    block  memory    thread  what threads wait for
 *   habits   how this system behaves in this schedule
 *
 * It does what the documentation allows, as badly as it allows it; a rule that
 * the engine breaks ends the schedule (RULE()). README.md lists the rules
 * and where they come from.
 */
#ifndef MODEL_KERNEL_H
#define MODEL_KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

/* Every function of the system begins with it: others may run, the network
 * moves, time passes, and what the kernel holds is checked. */
void kernel_enter(void);

/* The clock as programs see it, which may go in steps. */
uint64_t kernel_now_ms(void);

/* The machine sleeps: time passes for it, and none for programs and the waits
 * that they are in (SleepEx(), remarks). */
void kernel_sleep(uint64_t ms);
uint64_t kernel_slept_ms(void);
void kernel_open(void);

/* Both set the thread's last error. */
BOOL kernel_fail(DWORD error);
/* After a success the last error is anything (GetLastError()). */
BOOL kernel_succeed(void);

#endif /* MODEL_KERNEL_H */
