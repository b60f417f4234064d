/* SPDX-License-Identifier: MIT */
/* Threads of the library's own, for the callback API. */
#ifndef IOCP_THREAD_H
#define IOCP_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "platform.h"

typedef void thread_main(void* argument);

struct thread {
  thread_main* run;
  void* argument;
  struct engine_thread engine;
};

/* Returns false when the system has no more threads. `thread` stays where it is
 * until thread_join(). */
bool thread_start(struct thread* thread, thread_main* run, void* argument);
void thread_join(struct thread* thread);

/* Processors that this process may count on, at least 1. */
uint32_t thread_processors(void);

/* Mutual exclusion, and a condition to wait for inside. */
void monitor_open(struct monitor* monitor);
void monitor_close(struct monitor* monitor);
void monitor_enter(struct monitor* monitor);
void monitor_leave(struct monitor* monitor);
/* Both inside; the wait leaves meanwhile, and may end without reason. */
void monitor_wait(struct monitor* monitor);
void monitor_notify(struct monitor* monitor);

#endif /* IOCP_THREAD_H */
