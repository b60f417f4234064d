/* SPDX-License-Identifier: MIT */
#include "fiber.h"

#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "habits.h"
#include "network.h"
#include "report.h"
#include "sanitizer.h"
#include "tape.h"
#include "thread.h"

#define FIBER__STACK (256 * 1024)
/* Each event that the pool waits for has a fiber, and a relayed socket may have
 * a hundred events. Windows has no limit, so this one must not be reached. */
#define FIBER__MAX 1024
/* A schedule that takes longer than this, by its own clock, does not end. */
#define FIBER__LIMIT_MS (UINT64_C(24) * 3600 * 1000)

struct fiber {
  ucontext_t context;
  struct sanitizer_fiber sanitizer;
  fiber_main* run;
  void* argument;
  fiber_condition* condition; /* what it waits for, or NULL */
  void* condition_argument;
  uint64_t until_ms;
  uint32_t number;
  uint32_t error;
  bool has_ended;
  bool is_waiting;
  void* queue;
  void* locals[FIBER_LOCALS];
  void* stack;
};

static struct {
  struct fiber* all[FIBER__MAX];
  uint32_t count;
  uint32_t last_number;
  struct fiber* running;
  struct fiber* left; /* the fiber that ran before */
  uint64_t now_ms;
  struct fiber first;
  void* stacks[FIBER__MAX]; /* free ones, to be reused */
  uint32_t stack_count;
} fibers;

const struct fiber_explorer* fiber_explorer;

void fiber_open(void) {
  fibers.count = 1;
  fibers.last_number = 1;
  memset(&fibers.first, 0, sizeof fibers.first);
  fibers.first.number = 1;
  fibers.all[0] = &fibers.first;
  fibers.running = &fibers.first;
  fibers.now_ms = 1000 + tape_choose(20000);
  sanitizer_fiber_first(&fibers.first.sanitizer);
}

static void fiber__enter(void) {
  struct fiber* fiber = fibers.running;
  sanitizer_fiber_entered(&fiber->sanitizer, &fibers.left->sanitizer);
  sanitizer_acquire(fiber);
  fiber->run(fiber->argument);
  /* The callbacks of local storage run on this thread. */
  thread_ended(fiber->locals);
  sanitizer_release(fiber);
  fiber->has_ended = true;
  fiber_wait(NULL, NULL, FIBER_FOREVER);
}

static void fiber__make_context(struct fiber* fiber) {
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack;
  fiber->context.uc_stack.ss_size = FIBER__STACK;
  makecontext(&fiber->context, fiber__enter, 0);
}

struct fiber* fiber_start(fiber_main* run, void* argument) {
  if (fibers.count == FIBER__MAX) abort();
  struct fiber* fiber = calloc(1, sizeof *fiber);
  if (fiber == NULL) abort();
  fiber->stack = fibers.stack_count != 0 ? fibers.stacks[--fibers.stack_count]
                                         : malloc(FIBER__STACK);
  if (fiber->stack == NULL) abort();
  fiber->run = run;
  fiber->argument = argument;
  fiber->number = ++fibers.last_number;
  fiber__make_context(fiber);
  sanitizer_fiber_open(&fiber->sanitizer, fiber->stack, FIBER__STACK);
  fibers.all[fibers.count++] = fiber;
  sanitizer_release(fiber);
  return fiber;
}

bool fiber_has_ended(const struct fiber* fiber) { return fiber->has_ended; }

void fiber_free(struct fiber* fiber) {
  uint32_t i = 0;
  sanitizer_acquire(fiber);
  while (fibers.all[i] != fiber) i++;
  fibers.all[i] = fibers.all[--fibers.count];
  sanitizer_fiber_close(&fiber->sanitizer);
  fibers.stacks[fibers.stack_count++] = fiber->stack;
  free(fiber);
}

void fiber_terminate_others(void) {
  for (uint32_t i = 0; i < fibers.count; i++)
    if (fibers.all[i] != fibers.running) fibers.all[i]->has_ended = true;
}

void fiber_close(void) {
  while (fibers.count > 1) {
    struct fiber* fiber = fibers.all[fibers.count - 1];
    RULE("a thread of the library ends", fiber->has_ended);
    fiber_free(fiber);
  }
}

uint32_t fiber_number(void) { return fibers.running->number; }

uint32_t* fiber_error(void) { return &fibers.running->error; }

void** fiber_local(uint32_t index) { return &fibers.running->locals[index]; }

void** fiber_locals(struct fiber* fiber) { return fiber->locals; }

uint64_t fiber_now_ms(void) { return fibers.now_ms; }

void fiber_advance(uint64_t ms) {
  fibers.now_ms += ms;
  RULE("a schedule ends", fibers.now_ms < FIBER__LIMIT_MS);
}

/* ---- scheduling */

static bool fiber__can_run(const struct fiber* fiber) {
  if (fiber->has_ended) return false;
  if (fibers.now_ms >= fiber->until_ms) return true;
  return fiber->condition != NULL &&
         fiber->condition(fiber->condition_argument);
}

static uint32_t fiber__runnable(struct fiber** runnable) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < fibers.count; i++)
    if (fiber__can_run(fibers.all[i])) runnable[count++] = fibers.all[i];
  return count;
}

static void fiber__switch(struct fiber* to) {
  struct fiber* from = fibers.running;
  if (to == from) return;
  fibers.running = to;
  fibers.left = from;
  /* For fiber_free(), which may follow without an end of its own: the end of
   * the process terminates the other threads where they are. */
  sanitizer_release(from);
  sanitizer_fiber_leave(&from->sanitizer, &to->sanitizer);
  swapcontext(&from->context, &to->context);
  sanitizer_fiber_entered(&from->sanitizer, &fibers.left->sanitizer);
}

/* When the next event happens that needs no thread. */
static uint64_t fiber__next_ms(void) {
  uint64_t next_ms = network_next_ms();
  for (uint32_t i = 0; i < fibers.count; i++)
    if (!fibers.all[i]->has_ended && fibers.all[i]->until_ms < next_ms)
      next_ms = fibers.all[i]->until_ms;
  return next_ms;
}

static uint32_t fiber__choose(struct fiber** runnable, uint32_t count) {
  uint32_t running = 0;
  if (count == 1) return 0;
  if (fiber_explorer == NULL) return tape_choose(count);
  while (running < count && runnable[running] != fibers.running) running++;
  return fiber_explorer->choose(count, running);
}

/* Switches to a fiber that can run, after the system has done what it can. */
static void fiber__reschedule(void) {
  struct fiber* runnable[FIBER__MAX];
  for (;;) {
    uint32_t count = fiber__runnable(runnable);
    if (count != 0) {
      fiber__switch(runnable[fiber__choose(runnable, count)]);
      return;
    }
    if (network_step()) continue;
    uint64_t next_ms = fiber__next_ms();
    if (next_ms == FIBER_FOREVER)
      report_violation("a thread can always continue",
                       "every thread waits, and nothing will wake one");
    fiber_advance(next_ms > fibers.now_ms ? next_ms - fibers.now_ms : 0);
  }
}

bool fiber_wait(fiber_condition* holds, void* argument, uint64_t until_ms) {
  struct fiber* fiber = fibers.running;
  fiber->condition = holds;
  fiber->condition_argument = argument;
  fiber->until_ms = until_ms;
  fiber->is_waiting = true;
  fiber__reschedule();
  fiber->is_waiting = false;
  fiber->condition = NULL;
  fiber->until_ms = 0;
  if (fiber_explorer != NULL) fiber_explorer->accessed(NULL, true);
  return holds != NULL && holds(argument);
}

bool fiber_ends_wait(void) {
  return fiber_explorer != NULL && fiber_explorer->ends_wait();
}

void fiber_compute(uint64_t ms) {
  fibers.running->until_ms = fibers.now_ms + ms;
  fiber__reschedule();
  fibers.running->until_ms = 0;
}

void** fiber_queue(void) { return &fibers.running->queue; }

uint32_t fiber_busy(const void* queue) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < fibers.count; i++) {
    const struct fiber* fiber = fibers.all[i];
    if (fiber->queue == queue && !fiber->has_ended && !fiber->is_waiting)
      count++;
  }
  return count;
}

void fiber_preempt(void) {
  if (fiber_explorer != NULL) {
    fiber_access(NULL, true, false);
    return;
  }
  if (fibers.count < 2 || !tape_chance(habits.preempts)) return;
  fibers.running->until_ms = 0;
  fiber__reschedule();
}

void fiber_access(const volatile void* memory, bool writes, bool is_weak) {
  if (fiber_explorer == NULL) {
    if (!is_weak) fiber_preempt();
    return;
  }
  if (!fiber_explorer->is_shared(memory, writes)) return;
  fibers.running->until_ms = 0;
  fiber__reschedule();
  fiber_explorer->accessed(memory, writes);
}
