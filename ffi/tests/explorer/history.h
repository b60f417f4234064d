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
#include <stdint.h>

/* Forgets the schedules before. */
void history_open(void);

/* A schedule begins. */
void history_begin(void);

/* The running thread accesses `memory`; NULL: something of the system. */
void history_access(const volatile void* memory, bool writes);

/* Whether its order matters: a static variable that no schedule has written
 * does not matter. */
bool history_is_shared(const volatile void* memory, bool writes);

/* A variable has been written that had not been before, since
 * history_open(). */
bool history_has_grown(void);

/* Another schedule was in this state, with no more preemptions. */
bool history_has(bool is_running, uint32_t preemptions);

#endif /* EXPLORER_HISTORY_H */
