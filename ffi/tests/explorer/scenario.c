/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#include "explorer.h"
#include "fiber.h"
#include "history.h"
#include "memory.h"
#include "network.h"
#include "report.h"
#include "world.h"

/* Less than anything that a timer makes good. */
#define SCENARIO__LIMIT_MS 100

static uint64_t scenario__since_ms;
static uint32_t scenario__limit_ms;

void scenario_open(void) {
  world_open();
  world_calm();
  explorer_be_quiet(true);
  scenario__since_ms = fiber_now_ms();
  scenario__limit_ms = SCENARIO__LIMIT_MS;
}

void scenario_begin(void) {
  fiber_wait(NULL, NULL, fiber_now_ms() + 1);
  explorer_be_quiet(false);
}

void scenario_end(void) { explorer_be_quiet(true); }

void scenario_may_last(uint32_t ms) { scenario__limit_ms = ms; }

void scenario_close(void) {
  RULE("nothing waits for a timer",
       fiber_now_ms() - scenario__since_ms < scenario__limit_ms);
  world_close();
}

/* The linker puts these in the place of memory_map() and memory_unmap(). */
void* __real_memory_map(size_t size);
void __real_memory_unmap(void* memory, size_t size);
void* __wrap_memory_map(size_t size);
void __wrap_memory_unmap(void* memory, size_t size);

void* __wrap_memory_map(size_t size) {
  void* memory = __real_memory_map(size);
  if (memory != NULL) history_add_region(memory, size);
  return memory;
}

void __wrap_memory_unmap(void* memory, size_t size) {
  history_remove_region(memory);
  __real_memory_unmap(memory, size);
}

void scenario_point(void) { fiber_preempt(); }

void scenario_deliver(void) {
  fiber_preempt();
  while (network_step()) continue;
}

struct scenario__wait {
  const struct scenario_flag* flag;
  uint32_t count;
};

static bool scenario__is_raised(void* argument) {
  const struct scenario__wait* wait = argument;
  return wait->flag->count >= wait->count;
}

void scenario_raise(struct scenario_flag* flag) {
  fiber_preempt();
  flag->count++;
}

void scenario_await(struct scenario_flag* flag, uint32_t count) {
  struct scenario__wait wait = {flag, count};
  fiber_preempt();
  if (!scenario__is_raised(&wait))
    fiber_wait(scenario__is_raised, &wait, FIBER_FOREVER);
}
