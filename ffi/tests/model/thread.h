/* SPDX-License-Identifier: MIT */
/* Threads, and what they can wait for. */
#ifndef MODEL_THREAD_H
#define MODEL_THREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

struct event;
struct object;

void thread_open_all(void);
void thread_close_all(void);

/* A thread ends: the callbacks of its local storage run. */
void thread_ended(void** locals);

/* The running thread ends the process: the others are terminated, and then its
 * own callbacks run. */
void thread_exit_process(void);
bool thread_has_exited(void);
BOOLEAN NTAPI thread_is_exiting(void);

/* The event behind a handle, or NULL. */
struct event* thread_event(uintptr_t handle);
void thread_event_set(struct event* event);

/* Closes an event or a thread. False if the handle is neither. */
bool thread_close(uintptr_t handle);

/* The same at the end of the process, for a wait of the pool as well. */
bool thread_sweep(struct object* object);

#endif /* MODEL_THREAD_H */
