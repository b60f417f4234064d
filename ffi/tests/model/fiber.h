/* SPDX-License-Identifier: MIT */
/*
 * Threads of the model. One runs at a time, and another one takes over only
 * where the tape says so: before an access to shared memory, in a call of the
 * system, or where a thread has to wait. So the same tape gives the same
 * schedule, whatever the machine does.
 *
 * Time is the model's too: it passes when nobody can do anything else.
 */
#ifndef MODEL_FIBER_H
#define MODEL_FIBER_H

#include <stdbool.h>
#include <stdint.h>

#define FIBER_FOREVER UINT64_MAX

typedef void fiber_main(void* argument);
typedef bool fiber_condition(void* argument);

struct fiber;

/* The thread that calls becomes the first one. */
void fiber_open(void);
/* All others have ended. */
void fiber_close(void);

struct fiber* fiber_start(fiber_main* run, void* argument);
bool fiber_has_ended(const struct fiber* fiber);
/* It has ended. Or the model itself no longer wants it. */
void fiber_free(struct fiber* fiber);

/* The one that runs: its number, and its last error. */
uint32_t fiber_number(void);
uint32_t* fiber_error(void);
/* What it has in slot `index` of its local storage. */
void** fiber_local(uint32_t index);

/* All that another one has there. */
void** fiber_locals(struct fiber* fiber);

/* Another one may have its turn now. */
void fiber_preempt(void);

/* Waits until the condition holds or the clock says `until_ms`, whether or not
 * the schedule can go on otherwise. Returns whether it holds. */
bool fiber_wait(fiber_condition* holds, void* argument, uint64_t until_ms);

/* The clock. */
/* Is busy for so long: others run meanwhile, as on another processor, but it is
 * not one that waits. */
void fiber_compute(uint64_t ms);

/* The queue that the running thread is associated with, or NULL. */
void** fiber_queue(void);

/* Threads that are associated with it and do not wait. */
uint32_t fiber_busy(const void* queue);

uint64_t fiber_now_ms(void);
void fiber_advance(uint64_t ms);

#define FIBER_LOCALS 8

#endif /* MODEL_FIBER_H */
