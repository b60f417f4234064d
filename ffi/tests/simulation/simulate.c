/* SPDX-License-Identifier: MIT */
/*
 * Runs many schedules, each decided by its seed. A failure (a broken rule, a
 * crash or a hang) is shrunk and printed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"
#include "shrink.h"

#define SIMULATE__JOBS_MAX 64

static struct {
  uint64_t seed;
  uint64_t count;
  double seconds;
  double shrink_seconds;
  double limit_seconds; /* of one schedule */
  uint64_t jobs;
  bool traces;
  bool is_json;
  const char* command; /* the command to print for a repetition */
} options = {
    .seed = 1,
    .shrink_seconds = 20,
    /* Most take less than a millisecond, but a busy machine is slow. */
    .limit_seconds = 20,
    .jobs = 1};

static struct runner simulate__runners[SIMULATE__JOBS_MAX];
static double simulate__started;

/* ---- arguments */

static _Noreturn void simulate__usage(void) {
  fputs(
      "simulate [--seed N] [--count C | --seconds S] [--jobs J]\n"
      "         [--trace] [--shrink SECONDS] [--limit SECONDS] [--json]\n"
      "         [--command TEXT]\n",
      stderr);
  exit(2);
}

static double simulate__number(const char* text) {
  char* end;
  double number = text == NULL ? -1 : strtod(text, &end);
  if (number < 0 || *end != 0) simulate__usage();
  return number;
}

/* Returns true if the option has a value. */
static bool simulate__option(const char* name, const char* value) {
  if (strcmp(name, "--trace") == 0) {
    options.traces = true;
    return false;
  }
  if (strcmp(name, "--json") == 0) {
    options.is_json = true;
    return false;
  }
  if (strcmp(name, "--command") == 0 && value != NULL)
    options.command = value;
  else if (strcmp(name, "--seed") == 0)
    options.seed = (uint64_t)simulate__number(value);
  else if (strcmp(name, "--count") == 0)
    options.count = (uint64_t)simulate__number(value);
  else if (strcmp(name, "--seconds") == 0)
    options.seconds = simulate__number(value);
  else if (strcmp(name, "--shrink") == 0)
    options.shrink_seconds = simulate__number(value);
  else if (strcmp(name, "--limit") == 0)
    options.limit_seconds = simulate__number(value);
  else if (strcmp(name, "--jobs") == 0)
    options.jobs = (uint64_t)simulate__number(value);
  else
    simulate__usage();
  return true;
}

static void simulate__options(int count, char** texts) {
  options.command = texts[0];
  for (int i = 1; i < count; i++)
    if (simulate__option(texts[i], i + 1 < count ? texts[i + 1] : NULL)) i++;
  if (options.traces) options.count = 1;
  if (options.count == 0)
    options.count = options.seconds != 0 ? UINT64_MAX : 10000;
  if (options.jobs == 0) options.jobs = 1;
  if (options.jobs > SIMULATE__JOBS_MAX) options.jobs = SIMULATE__JOBS_MAX;
  if (options.jobs > options.count) options.jobs = options.count;
}

/* ---- progress */

static uint64_t simulate__schedules(void) {
  uint64_t schedules = 0;
  for (uint64_t i = 0; i < options.jobs; i++)
    schedules += atomic_load(&simulate__runners[i].page->schedules);
  return schedules;
}

static uint64_t simulate__checks(void) {
  uint64_t checks = 0;
  for (uint64_t i = 0; i < options.jobs; i++)
    checks += atomic_load(&simulate__runners[i].page->checks);
  return checks;
}

static void simulate__progress(bool is_last) {
  static double reported_at;
  double now = runner_now();
  if (!isatty(2) || (!is_last && now - reported_at < 1)) return;
  reported_at = now;
  if (is_last)
    fputs("\r\033[K", stderr);
  else
    fprintf(stderr,
            "\r\033[K%" PRIu64 " schedules, %.0f s",
            simulate__schedules(),
            now - simulate__started);
}

static double simulate__until(void) {
  return options.seconds == 0 ? 0 : simulate__started + options.seconds;
}

static void simulate__start(uint64_t job) {
  struct runner_seeds seeds = {.seed = options.seed + job,
                               .step = options.jobs,
                               .count = options.count / options.jobs,
                               .until = simulate__until()};
  if (job < options.count % options.jobs) seeds.count++;
  runner_open(&simulate__runners[job]);
  runner_start(&simulate__runners[job], &seeds);
}

/* Returns the runner that has failed, or NULL when all have ended. */
static struct runner* simulate__await(void) {
  for (;;) {
    bool runs = false;
    for (uint64_t i = 0; i < options.jobs; i++) {
      struct runner* runner = &simulate__runners[i];
      if (runner_runs(runner, options.limit_seconds))
        runs = true;
      else if (runner->page->rule[0] != 0)
        return runner;
    }
    if (!runs) return NULL;
    simulate__progress(false);
    runner_pause(2000000);
  }
}

/* ---- the result */

static void simulate__string(const char* name, const char* text) {
  printf(",\"%s\":\"", name);
  for (; *text != 0; text++) {
    unsigned char byte = (unsigned char)*text;
    if (byte == '"' || byte == '\\')
      printf("\\%c", byte);
    else if (byte < ' ')
      printf("\\u%04x", byte);
    else
      putchar(byte);
  }
  putchar('"');
}

static void simulate__print_json(const struct runner_page* page,
                                 uint64_t schedules,
                                 double seconds) {
  printf("{\"found\":%s,\"schedules\":%" PRIu64 ",\"seconds\":%.3f",
         page == NULL ? "false" : "true",
         schedules,
         seconds);
  if (page != NULL) {
    printf(",\"seed\":%" PRIu64, atomic_load(&page->seed));
    simulate__string("rule", page->rule);
    simulate__string("message", page->message);
  }
  puts("}");
}

/* Shrinks a failure, and plays it once more with its trace. */
static void simulate__show(struct runner_page* page) {
  struct shrink shrink = {.count = page->draws.count};
  size_t size = (shrink.count + 1) * sizeof *shrink.draws;
  shrink.draws = malloc(size);
  if (shrink.draws == NULL) abort();
  memcpy(shrink.draws, page->draws.draws, shrink.count * sizeof *shrink.draws);
  memcpy(shrink.rule, page->rule, sizeof shrink.rule);
  memcpy(shrink.message, page->message, sizeof shrink.message);
  if (!shrink_run(&shrink, options.shrink_seconds)) {
    puts("It has not failed again.");
  } else {
    printf("Shrunk from %zu draws to %zu by %" PRIu32 " attempts: %s\n\n",
           page->draws.count,
           shrink.count,
           shrink.attempts,
           shrink.message);
    fflush(stdout);
    struct runner runner;
    runner_open(&runner);
    runner_play(&runner, shrink.draws, shrink.count, true);
    runner_await(&runner, options.limit_seconds);
    runner_close(&runner);
  }
  free(shrink.draws);
}

static int simulate__failed(struct runner_page* page) {
  uint64_t schedules = simulate__schedules();
  double seconds = runner_now() - simulate__started;
  for (uint64_t i = 0; i < options.jobs; i++)
    runner_stop(&simulate__runners[i]);
  simulate__progress(true);
  printf("FAILED: %s\n  %s\n  %s --seed %" PRIu64 " --count 1\n",
         page->rule,
         page->message,
         options.command,
         atomic_load(&page->seed));
  fflush(stdout);
  if (options.shrink_seconds != 0) simulate__show(page);
  if (options.is_json) simulate__print_json(page, schedules, seconds);
  return 1;
}

static int simulate__passed(void) {
  uint64_t schedules = simulate__schedules();
  double seconds = runner_now() - simulate__started;
  simulate__progress(true);
  printf("%" PRIu64 " schedules from seed %" PRIu64
         " in %.1f s (%.0f/s), %" PRIu64 " results checked\n",
         schedules,
         options.seed,
         seconds,
         (double)schedules / seconds,
         simulate__checks());
  if (options.is_json) simulate__print_json(NULL, schedules, seconds);
  return 0;
}

/* Plays one seed with its trace, without shrinking. */
static int simulate__trace(void) {
  struct runner runner;
  runner_open(&runner);
  runner_trace(&runner, options.seed);
  runner_await(&runner, options.limit_seconds);
  bool is_broken = runner.page->rule[0] != 0;
  if (is_broken)
    printf("FAILED: %s\n  %s\n", runner.page->rule, runner.page->message);
  runner_close(&runner);
  return is_broken;
}

int main(int count, char** texts) {
  simulate__options(count, texts);
  simulate__started = runner_now();
  if (options.traces) return simulate__trace();
  for (uint64_t i = 0; i < options.jobs; i++) simulate__start(i);
  struct runner* failed = simulate__await();
  return failed == NULL ? simulate__passed() : simulate__failed(failed->page);
}
