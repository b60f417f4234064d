/* SPDX-License-Identifier: MIT */
/* Threads, and what they can wait for. */
#ifndef MODEL_THREAD_H
#define MODEL_THREAD_H

#include <stdbool.h>
#include <stdint.h>

struct event;

void thread_open_all(void);
void thread_close_all(void);

/* A thread ends: the callbacks of its local storage run. */
void thread_ended(void** locals);

/* The event behind a handle, or NULL. */
struct event* thread_event(uintptr_t handle);
void thread_event_set(struct event* event);

/* Closes an event or a thread. False if the handle is neither. */
bool thread_close(uintptr_t handle);

#endif /* MODEL_THREAD_H */
