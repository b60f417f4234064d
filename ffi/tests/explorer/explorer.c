/* SPDX-License-Identifier: MIT */
#include "explorer.h"

#include <string.h>
#include <time.h>

#include "fiber.h"
#include "history.h"
#include "report.h"
#include "tape.h"

/* Where a schedule could have gone on in several ways. */
struct explorer__place {
  uint8_t count;   /* of ways */
  uint8_t running; /* the way that is no preemption; `count`: none is one */
  uint8_t next;    /* the next way to try, in the order of explorer__way() */
  uint8_t preemptions; /* before it */
};

#define EXPLORER__THREADS 64

static struct {
  uint32_t events[EXPLORER__THREADS]; /* accesses and waits of each thread */
  struct explorer__place places[EXPLORER_DEPTH];
  size_t place; /* the next one of the running schedule */
  size_t count; /* places whose ways are known */
  uint32_t preemptions;
  uint32_t preemptions_max;
  bool is_quiet;
  bool is_replay;
  bool is_pruned; /* the rest of the schedule is known */
  struct explorer_path* path;
} explorer;

double explorer_now(void) {
  struct timespec now;
  /* The other clock is that of the threads. */
  timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The nth way to try: first the one that is no preemption. */
static uint32_t explorer__way(const struct explorer__place* place, uint32_t n) {
  if (place->running == place->count) return n;
  return n == 0 ? place->running : n <= place->running ? n - 1 : n;
}

static bool explorer__may_preempt(const struct explorer__place* place) {
  return place->running == place->count ||
         place->preemptions < explorer.preemptions_max;
}

static uint32_t explorer__take(uint32_t n) {
  struct explorer__place* place = &explorer.places[explorer.place];
  uint32_t thread = fiber_number();
  bool waits = place->running == place->count;
  explorer.preemptions = place->preemptions + (n != 0 && !waits);
  explorer.path->choices[explorer.place++] =
      (struct explorer_choice){.event = explorer.events[thread],
                               .thread = (uint8_t)thread,
                               .way = (uint8_t)n};
  explorer.path->length = explorer.place;
  explorer.path->preemptions = explorer.preemptions;
  if (n != 0) TRACE("  -- %u: %s", thread, waits ? "waits" : "is preempted");
  return explorer__way(place, n);
}

/* The way that the path to be repeated has here. It is found by the thread, as
 * it may have been explored when fewer variables were known to be shared. */
static uint32_t explorer__repeat(void) {
  const struct explorer_path* path = explorer.path + 1;
  uint32_t thread = fiber_number();
  for (size_t i = 0; i < path->length; i++)
    if (path->choices[i].thread == thread &&
        path->choices[i].event == explorer.events[thread])
      return path->choices[i].way;
  return 0;
}

void explorer_be_quiet(bool is_quiet) { explorer.is_quiet = is_quiet; }

/* Takes a way at a place where the path has not been before. */
static uint32_t explorer__begin(const struct explorer__place* place) {
  explorer.places[explorer.place] = *place;
  if (explorer.is_replay) return explorer__take(explorer__repeat());
  explorer.count++;
  if (!explorer.is_pruned)
    explorer.is_pruned =
        history_has(place->running < place->count, place->preemptions);
  if (explorer.is_pruned) explorer.places[explorer.place].next = UINT8_MAX;
  return explorer__take(0);
}

static uint32_t explorer__choose(uint32_t count, uint32_t running) {
  /* An access was counted by explorer__is_shared(). */
  if (running == count) explorer.events[fiber_number()]++;
  if (explorer.is_quiet) return running < count ? running : 0;
  RULE("a schedule ends",
       explorer.place + 1 < EXPLORER_DEPTH && count < UINT8_MAX);
  struct explorer__place now = {.count = (uint8_t)count,
                                .running = (uint8_t)running,
                                .next = 1,
                                .preemptions = (uint8_t)explorer.preemptions};
  if (explorer.place >= explorer.count) return explorer__begin(&now);
  const struct explorer__place* place = &explorer.places[explorer.place];
  RULE("the same choices give the same schedule",
       place->count == count && place->running == running &&
           place->preemptions == explorer.preemptions);
  return explorer__take(explorer.path->choices[explorer.place].way);
}

/* Counts as a preemption, so that there are few. */
static bool explorer__ends_wait(void) {
  explorer.events[fiber_number()]++;
  if (explorer__choose(2, 0) == 0) return false;
  history_waits_no_more();
  return true;
}

static bool explorer__is_shared(const volatile void* memory, bool writes) {
  RULE("a scenario has few threads", fiber_number() < EXPLORER__THREADS);
  explorer.events[fiber_number()]++;
  return history_is_shared(memory, writes) || explorer.is_replay;
}

static const struct fiber_explorer explorer__functions = {
    .choose = explorer__choose,
    .ends_wait = explorer__ends_wait,
    .accessed = history_access,
    .is_shared = explorer__is_shared,
};

static void explorer__once(void (*scenario)(void)) {
  memset(explorer.events, 0, sizeof explorer.events);
  explorer.place = 0;
  explorer.preemptions = 0;
  explorer.is_pruned = false;
  explorer.is_quiet = false;
  history_begin();
  tape_play(NULL, 0);
  fiber_explorer = &explorer__functions;
  scenario();
  fiber_explorer = NULL;
}

/* Prepares the next path. Returns false when there is none. */
static bool explorer__next(void) {
  while (explorer.count != 0) {
    struct explorer__place* place = &explorer.places[explorer.count - 1];
    if (place->next < place->count && explorer__may_preempt(place)) {
      explorer.path->choices[explorer.count - 1].way = place->next++;
      return true;
    }
    explorer.count--;
  }
  return false;
}

struct explorer_result explorer_run(void (*scenario)(void),
                                    uint32_t preemptions_max,
                                    double until,
                                    struct explorer_path* path) {
  struct explorer_result result = {0};
  explorer.path = path;
  explorer.preemptions_max = preemptions_max;
  explorer.is_replay = false;
  do {
    explorer.count = 0;
    history_open();
    do {
      if (explorer_now() >= until) return result;
      explorer__once(scenario);
      result.schedules++;
      result.pruned += explorer.is_pruned;
      if (explorer.place > result.places_max)
        result.places_max = explorer.place;
      /* A variable has turned out to be shared: the places have changed. */
    } while (!history_has_grown() && explorer__next());
  } while (history_has_grown());
  result.is_complete = true;
  return result;
}

void explorer_replay(void (*scenario)(void), struct explorer_path* paths) {
  explorer.path = paths;
  explorer.is_replay = true;
  history_open();
  explorer__once(scenario);
}
