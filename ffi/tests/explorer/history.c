/* SPDX-License-Identifier: MIT */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "fiber.h"
#include "report.h"

#define HISTORY__THREADS 63
#define HISTORY__VARIABLES 16384 /* a power of two */
#define HISTORY__STATES_MIN (UINT64_C(1) << 12)
#define HISTORY__STATES_MAX (UINT64_C(1) << 24)
#define HISTORY__REGIONS 32

/* Memory that was allocated, by a name that is the same in all schedules: the
 * thread, and how many it had allocated before. */
struct history__region {
  uintptr_t first;
  size_t size;
  uint64_t name;
};

/* A variable in the running schedule. */
struct history__variable {
  uint64_t name;
  uint32_t schedule; /* older ones are free */
  uint64_t write;    /* what the last writer had seen */
  uint64_t reads;    /* since then, in any order */
};

/* The threads that have used a variable, in all schedules: the first one, and
 * flags. */
typedef uint8_t history__use;
#define HISTORY__FIRST 0x3f
#define HISTORY__IS_WRITTEN 0x40
#define HISTORY__HAS_OTHERS 0x80
#define HISTORY__IS_SHARED (HISTORY__IS_WRITTEN | HISTORY__HAS_OTHERS)

static struct {
  uint64_t threads[HISTORY__THREADS + 1];
  uint32_t allocated[HISTORY__THREADS + 1];
  struct history__region regions[HISTORY__REGIONS];
  uint32_t region_count;
  struct history__variable variables[HISTORY__VARIABLES];
  uint32_t variable_count;
  uint32_t schedule;
  uint64_t names[HISTORY__VARIABLES]; /* 0: free */
  history__use uses[HISTORY__VARIABLES];
  uint32_t use_count;
  history__use* statics; /* by place, as the library scans a large table */
  size_t statics_size;
  bool has_grown;
  /* A state, and in its lowest bits the preemptions and 1; 0: free. */
  uint64_t* states;
  uint64_t state_room; /* a power of two */
  uint64_t state_count;
} history;

#define HISTORY__MARK UINT64_C(15)

/* The data of the program, by its linker. */
extern char __data_start, _end;

static uint64_t history__mix(uint64_t a, uint64_t b) {
  uint64_t number = (a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2)));
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9u;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebu;
  return number ^ (number >> 31);
}

static uint32_t history__place(uint64_t name) {
  return (uint32_t)history__mix(name, 1) & (HISTORY__VARIABLES - 1);
}

/* 0: the order of accesses is not known to be the same in all schedules. */
static uint64_t history__name(const volatile void* memory) {
  uintptr_t place = (uintptr_t)memory;
  if (place >= (uintptr_t)&__data_start && place < (uintptr_t)&_end)
    return place;
  for (uint32_t i = 0; i < history.region_count; i++) {
    const struct history__region* region = &history.regions[i];
    if (place - region->first < region->size)
      return region->name + (place - region->first);
  }
  return 0;
}

void history_add_region(const void* memory, size_t size) {
  uint64_t thread = fiber_number();
  RULE("a scenario has few regions", history.region_count < HISTORY__REGIONS);
  history.regions[history.region_count++] = (struct history__region){
      .first = (uintptr_t)memory,
      .size = size,
      .name = (UINT64_C(1) << 63) | thread << 48 |
              (uint64_t)history.allocated[thread]++ << 32};
}

void history_remove_region(const void* memory) {
  uint32_t i = 0;
  while (history.regions[i].first != (uintptr_t)memory) i++;
  history.regions[i] = history.regions[--history.region_count];
}

void history_open(void) {
  free(history.states);
  history.state_room = HISTORY__STATES_MIN;
  history.states = calloc(history.state_room, sizeof *history.states);
  history.state_count = 0;
  if (history.statics == NULL) {
    history.statics_size = (size_t)(&_end - &__data_start);
    history.statics = calloc(1, history.statics_size);
  }
  if (history.states == NULL || history.statics == NULL) abort();
  history.has_grown = false;
}

void history_begin(void) {
  history.schedule++;
  history.variable_count = 0;
  history.region_count = 0;
  memset(history.allocated, 0, sizeof history.allocated);
  for (uint32_t i = 0; i <= HISTORY__THREADS; i++)
    history.threads[i] = history__mix(i, i);
}

static struct history__variable* history__variable(uint64_t name) {
  uint32_t place = history__place(name);
  for (;; place = (place + 1) & (HISTORY__VARIABLES - 1)) {
    struct history__variable* variable = &history.variables[place];
    if (variable->schedule == history.schedule) {
      if (variable->name == name) return variable;
      continue;
    }
    RULE("a schedule has few variables",
         ++history.variable_count < HISTORY__VARIABLES / 2);
    *variable =
        (struct history__variable){.name = name, .schedule = history.schedule};
    return variable;
  }
}

void history_access(const volatile void* memory, bool writes) {
  RULE("a scenario has few threads", fiber_number() <= HISTORY__THREADS);
  uint64_t* seen = &history.threads[fiber_number()];
  uint64_t name = memory == NULL ? 0 : history__name(memory);
  struct history__variable* variable = history__variable(name);
  *seen = history__mix(*seen, variable->write);
  if (!writes) {
    variable->reads += *seen;
    return;
  }
  *seen = history__mix(*seen, variable->reads);
  variable->write = *seen;
  variable->reads = 0;
}

void history_waits_no_more(void) {
  uint64_t* seen = &history.threads[fiber_number()];
  *seen = history__mix(*seen, 3);
}

static history__use* history__use_of(uint64_t name) {
  uint32_t place = history__place(name);
  while (history.names[place] != 0 && history.names[place] != name)
    place = (place + 1) & (HISTORY__VARIABLES - 1);
  if (history.names[place] == 0) {
    RULE("a scenario has few variables",
         ++history.use_count < HISTORY__VARIABLES / 2);
    history.names[place] = name;
  }
  return &history.uses[place];
}

bool history_is_shared(const volatile void* memory, bool writes) {
  history__use* use;
  size_t offset = (size_t)((const volatile char*)memory - &__data_start);
  if (offset < history.statics_size) {
    use = &history.statics[offset / sizeof(uint32_t)];
  } else {
    uint64_t name = memory == NULL ? 0 : history__name(memory);
    if (name == 0) return true;
    use = history__use_of(name);
  }
  uint32_t thread = fiber_number();
  if (*use >= HISTORY__IS_SHARED) return true;
  if (writes) *use |= HISTORY__IS_WRITTEN;
  if ((*use & HISTORY__FIRST) == 0)
    *use |= (history__use)thread;
  else if ((*use & HISTORY__FIRST) != thread)
    *use |= HISTORY__HAS_OTHERS;
  if (*use < HISTORY__IS_SHARED) return false;
  history.has_grown = true;
  return true;
}

bool history_has_grown(void) { return history.has_grown; }

/* Where a state is, or would be. */
static uint64_t* history__find(uint64_t key) {
  uint64_t last = history.state_room - 1;
  uint64_t place = history__mix(key, 2) & last;
  while (history.states[place] != 0 &&
         (history.states[place] & ~HISTORY__MARK) != key)
    place = (place + 1) & last;
  return &history.states[place];
}

/* Returns false when there is no room for more states. */
static bool history__make_room(void) {
  uint64_t* before = history.states;
  uint64_t room = history.state_room;
  if (history.state_count < room / 4 * 3) return true;
  if (room == HISTORY__STATES_MAX) return false;
  history.state_room = room * 2;
  history.states = calloc(history.state_room, sizeof *history.states);
  if (history.states == NULL) abort();
  for (uint64_t i = 0; i < room; i++)
    if (before[i] != 0) *history__find(before[i] & ~HISTORY__MARK) = before[i];
  free(before);
  return true;
}

bool history_has(bool is_running, uint32_t preemptions) {
  uint64_t key = history__mix(fiber_now_ms(), is_running ? fiber_number() : 0);
  for (uint32_t i = 1; i <= HISTORY__THREADS; i++)
    key += history__mix(history.threads[i], i);
  key = history__mix(key, 0) & ~HISTORY__MARK;
  uint64_t mark = (preemptions << 1) | 1;
  uint64_t* state = history__find(key);
  if (*state != 0 && (*state & HISTORY__MARK) <= mark) return true;
  if (*state == 0) {
    /* Otherwise some states are explored again. */
    if (!history__make_room()) return false;
    history.state_count++;
    state = history__find(key);
  }
  *state = key | mark;
  return false;
}
