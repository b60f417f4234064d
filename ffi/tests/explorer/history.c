/* SPDX-License-Identifier: MIT */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "fiber.h"
#include "report.h"

#define HISTORY__THREADS 64
#define HISTORY__VARIABLES 16384 /* a power of two */
#define HISTORY__STATES (UINT64_C(1) << 22)

/* A variable in the running schedule. */
struct history__variable {
  const volatile void* memory;
  uint32_t schedule; /* older ones are free */
  uint64_t write;    /* what the last writer had seen */
  uint64_t reads;    /* since then, in any order */
};

static struct {
  uint64_t threads[HISTORY__THREADS + 1];
  struct history__variable variables[HISTORY__VARIABLES];
  uint32_t variable_count;
  uint32_t schedule;
  /* Static variables that were written, in any schedule. */
  const volatile void* written[HISTORY__VARIABLES];
  uint32_t written_count;
  bool has_grown;
  /* A state, and in its lowest bits the preemptions and 1; 0: free. */
  uint64_t* states;
  uint64_t state_count;
} history;

/* The data of the program, by its linker. */
extern char __data_start, _end;

static uint64_t history__mix(uint64_t a, uint64_t b) {
  uint64_t number = (a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2)));
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9u;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebu;
  return number ^ (number >> 31);
}

static uint32_t history__place(const volatile void* memory) {
  uint64_t number = history__mix((uintptr_t)memory, 1);
  return (uint32_t)number & (HISTORY__VARIABLES - 1);
}

void history_open(void) {
  size_t size = HISTORY__STATES * sizeof *history.states;
  if (history.states == NULL) history.states = malloc(size);
  if (history.states == NULL) abort();
  memset(history.states, 0, size);
  history.state_count = 0;
  history.has_grown = false;
}

void history_begin(void) {
  history.schedule++;
  history.variable_count = 0;
  for (uint32_t i = 0; i <= HISTORY__THREADS; i++)
    history.threads[i] = history__mix(i, i);
}

static struct history__variable* history__variable(
    const volatile void* memory) {
  uint32_t place = history__place(memory);
  for (;; place = (place + 1) & (HISTORY__VARIABLES - 1)) {
    struct history__variable* variable = &history.variables[place];
    if (variable->schedule == history.schedule) {
      if (variable->memory == memory) return variable;
      continue;
    }
    RULE("a schedule has few variables",
         ++history.variable_count < HISTORY__VARIABLES / 2);
    *variable = (struct history__variable){.memory = memory,
                                           .schedule = history.schedule};
    return variable;
  }
}

void history_access(const volatile void* memory, bool writes) {
  RULE("a scenario has few threads", fiber_number() <= HISTORY__THREADS);
  uint64_t* seen = &history.threads[fiber_number()];
  struct history__variable* variable = history__variable(memory);
  *seen = history__mix(*seen, variable->write);
  if (!writes) {
    variable->reads += *seen;
    return;
  }
  *seen = history__mix(*seen, variable->reads);
  variable->write = *seen;
  variable->reads = 0;
}

bool history_is_shared(const volatile void* memory, bool writes) {
  const volatile char* byte = memory;
  /* Memory that is allocated has another address in every schedule. */
  if (byte < &__data_start || byte >= &_end) return true;
  uint32_t place = history__place(memory);
  for (; history.written[place] != NULL;
       place = (place + 1) & (HISTORY__VARIABLES - 1))
    if (history.written[place] == memory) return true;
  if (!writes) return false;
  RULE("a scenario has few variables",
       ++history.written_count < HISTORY__VARIABLES / 2);
  history.written[place] = memory;
  history.has_grown = true;
  return true;
}

bool history_has_grown(void) { return history.has_grown; }

bool history_has(bool is_running, uint32_t preemptions) {
  uint64_t key = history__mix(fiber_now_ms(), is_running ? fiber_number() : 0);
  for (uint32_t i = 1; i <= HISTORY__THREADS; i++)
    key += history__mix(history.threads[i], i);
  uint64_t mark = (preemptions << 1) | 1;
  key = history__mix(key, 0) & ~(uint64_t)15;
  uint64_t place = history__mix(key, 2) & (HISTORY__STATES - 1);
  for (;; place = (place + 1) & (HISTORY__STATES - 1)) {
    uint64_t* state = &history.states[place];
    if (*state == 0) {
      RULE("an exploration has a limited number of states",
           ++history.state_count < HISTORY__STATES / 4 * 3);
      *state = key | mark;
      return false;
    }
    if ((*state & ~(uint64_t)15) != key) continue;
    if ((*state & 15) <= mark) return true;
    *state = key | mark;
    return false;
  }
}
