/* SPDX-License-Identifier: MIT */
/* Threads as the system has them, and what they wait for. */
#ifndef MODEL_THREAD_H
#define MODEL_THREAD_H

#include <stdbool.h>
#include <stdint.h>

struct event;

void thread_open_all(void);
void thread_close_all(void);

/* A thread ends: those who have something in its local storage are called. */
void thread_ended(void** locals);

/* The event behind a handle, or NULL. */
struct event* thread_event(uintptr_t handle);
void thread_event_set(struct event* event);

/* Closes an event or a thread. False when the handle is none of these. */
bool thread_close(uintptr_t handle);

#endif /* MODEL_THREAD_H */
