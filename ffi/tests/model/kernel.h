/* SPDX-License-Identifier: MIT */
/*
 * A model of the Windows that the engine runs on: sockets, overlapped
 * operations, completion ports, threads, memory and time, all in one process.
 * The tape alone decides what happens next. The unchanged files of the engine
 * are compiled against include/ and linked with it.
 *
 * fiber: threads and the clock
 * tape: the source of all decisions
 * network: connections; bytes, FIN and RST in transit
 * peer, peer_pipe: the other machines and programs
 * udp: datagrams in transit, and those that a socket holds
 * sock, option, transfer, accept, connect, bind, datagram: Winsock
 * npfs, pipe_file: named pipes, and the calls for them
 * security: who may use a pipe
 * disk: socket files
 * program: sockets that the program opens itself
 * op: operations in flight; their memory is checked
 * port: completion packets
 * object, block, module: handles, memory, DLLs
 * thread: what threads can wait for
 * habits: how this system behaves in this schedule
 *
 * The model does what the documentation allows, preferring the worst case. A
 * rule that the engine breaks ends the schedule (RULE()). README.md lists the
 * rules and their sources.
 */
#ifndef MODEL_KERNEL_H
#define MODEL_KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

/* Every system function begins with this call: other threads may run, the
 * network moves, time passes, and the memory of pending operations is
 * checked. */
void kernel_enter(void);

/* The clock as programs see it, with its resolution. */
uint64_t kernel_now_ms(void);

/* The machine sleeps: real time passes, but none for programs and their waits
 * (SleepEx(), remarks). */
void kernel_sleep(uint64_t ms);
uint64_t kernel_calls(void); /* by the first thread, so far */
uint64_t kernel_slept_ms(void);
void kernel_open(void);

/* Both set the thread's last error. */
BOOL kernel_fail(DWORD error);
/* After a success the last error may have any value (GetLastError()). */
BOOL kernel_succeed(void);

#endif /* MODEL_KERNEL_H */
