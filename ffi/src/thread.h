/* SPDX-License-Identifier: MIT */
/* The threads of the callback API. */
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

/* Returns false when the system has no more threads. `thread` must not move
 * until thread_join(). */
bool thread_start(struct thread* thread, thread_main* run, void* argument);
void thread_join(struct thread* thread);

/* Processors of this machine, at least 1. */
uint32_t thread_processors(void);

/* A mutex with one condition: MONITOR_INIT, or monitor_open(). */
void monitor_open(struct monitor* monitor);
void monitor_close(struct monitor* monitor);
void monitor_enter(struct monitor* monitor);
/* Returns false, without waiting, if another thread has the mutex. */
bool monitor_try_enter(struct monitor* monitor);
void monitor_leave(struct monitor* monitor);
/* Call both with the mutex held. A wait releases it while it blocks, and may
 * return without a notification. */
void monitor_wait(struct monitor* monitor);
void monitor_notify(struct monitor* monitor);

#endif /* IOCP_THREAD_H */
