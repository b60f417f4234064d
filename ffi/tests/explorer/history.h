/* SPDX-License-Identifier: MIT */
/*
 * What the threads of a schedule have seen of each other, as a number for each:
 * it depends on the order of accesses to the same memory alone. Two writes of
 * one variable are ordered, and so are a read and a write; two reads are not.
 * Everything of the system counts as one variable.
 */
#ifndef EXPLORER_HISTORY_H
#define EXPLORER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Forgets the schedules before. */
void history_open(void);

/* A schedule begins. */
void history_begin(void);

/* The running thread accesses `memory`; NULL: something of the system. */
void history_access(const volatile void* memory, bool writes);

/* The running thread goes on where it would have waited. */
void history_waits_no_more(void);

/* Whether its order matters: not for a variable that one thread alone has used
 * in all schedules, or that none has written. */
bool history_is_shared(const volatile void* memory, bool writes);

/* A variable has turned out to be shared, since history_open(). */
bool history_has_grown(void);

/* Memory that the library allocates, of which another schedule may have the
 * same at another address. */
void history_add_region(const void* memory, size_t size);
void history_remove_region(const void* memory);

/* Another schedule was in this state, with no more preemptions. */
bool history_has(bool is_running, uint32_t preemptions);

#endif /* EXPLORER_HISTORY_H */
