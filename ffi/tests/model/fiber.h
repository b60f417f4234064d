/* SPDX-License-Identifier: MIT */
/*
 * Threads of the model. One runs at a time, and another one takes over only
 * where the tape says so: before an access to shared memory, in a system call,
 * or where a thread has to wait. So the same tape gives the same schedule on
 * any machine.
 *
 * Time is simulated too: it passes when no thread can run.
 */
#ifndef MODEL_FIBER_H
#define MODEL_FIBER_H

#include <stdbool.h>
#include <stdint.h>

#define FIBER_FOREVER UINT64_MAX

typedef void fiber_main(void* argument);
typedef bool fiber_condition(void* argument);

struct fiber;

/* The calling thread becomes the first fiber. */
void fiber_open(void);
/* All other fibers have ended. */
void fiber_close(void);

struct fiber* fiber_start(fiber_main* run, void* argument);
bool fiber_has_ended(const struct fiber* fiber);
/* After it has ended, or when the model does not need it any more. */
void fiber_free(struct fiber* fiber);

/* Terminates all other fibers, wherever they are. */
void fiber_terminate_others(void);

/* The running fiber: its number, and its last error. */
uint32_t fiber_number(void);
uint32_t* fiber_error(void);
/* Slot `index` of its local storage. */
void** fiber_local(uint32_t index);

/* All slots of another fiber. */
void** fiber_locals(struct fiber* fiber);

/* Lets another fiber run, or not. */
void fiber_preempt(void);

/* The same before an access to memory that threads share. An order of memory
 * that is weaker does not say when others see the access: there only an
 * explorer lets another fiber run. */
void fiber_access(const volatile void* memory, bool writes, bool is_weak);

/* Decides in the place of the tape which fibers run. */
struct fiber_explorer {
  /* Returns one of `count` fibers that can run; `running` is the place of the
   * one that runs, or `count` if it has to wait. */
  uint32_t (*choose)(uint32_t count, uint32_t running);
  /* Whether a wait that the system may end for no reason ends at once. */
  bool (*ends_wait)(void);
  /* The running fiber accesses `memory` now; NULL: anything of the system. */
  void (*accessed)(const volatile void* memory, bool writes);
  /* False: that access does not matter. */
  bool (*is_shared)(const volatile void* memory, bool writes);
};
extern const struct fiber_explorer* fiber_explorer;

/* Waits until the condition holds or the clock reaches `until_ms`; the
 * condition may depend on time alone. Returns whether it holds. */
bool fiber_wait(fiber_condition* holds, void* argument, uint64_t until_ms);

/* Such a wait begins: it is not to. */
bool fiber_ends_wait(void);

/* Simulates a computation of this length. Others run meanwhile, as on other
 * processors, and this thread does not count as waiting. */
void fiber_compute(uint64_t ms);

/* The queue that the running thread is associated with, or NULL. */
void** fiber_queue(void);

/* How many threads are associated with it and not waiting. */
uint32_t fiber_busy(const void* queue);

uint64_t fiber_now_ms(void);
void fiber_advance(uint64_t ms);

#define FIBER_LOCALS 8

#endif /* MODEL_FIBER_H */
