/* SPDX-License-Identifier: MIT */
#include "runner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "schedule.h"

/* The exit code of a child that has described the failure in its page. */
#define RUNNER__BROKEN 99

/* The page of this child process. */
static struct runner_page* runner__page;

double runner_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void runner_open(struct runner* runner) {
  *runner = (struct runner){0};
  runner->page = mmap(NULL,
                      sizeof *runner->page,
                      PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS,
                      -1,
                      0);
  if (runner->page != MAP_FAILED) return;
  perror("mmap");
  exit(2);
}

void runner_close(struct runner* runner) {
  runner_stop(runner);
  munmap(runner->page, sizeof *runner->page);
}

/* ---- in the child */

static void runner__broken(const char* rule, const char* message) {
  snprintf(runner__page->rule, sizeof runner__page->rule, "%s", rule);
  snprintf(runner__page->message, sizeof runner__page->message, "%s", message);
  fflush(stdout);
  _exit(RUNNER__BROKEN);
}

static void runner__run(uint64_t seed) {
  atomic_store(&runner__page->seed, seed);
  schedule_run();
  atomic_store(&runner__page->checks, schedule_checks);
  atomic_fetch_add(&runner__page->schedules, 1);
}

static void runner__run_seeds(const struct runner_seeds* seeds) {
  double until = runner_now() + seeds->seconds;
  uint64_t seed = seeds->seed;
  for (uint64_t i = 0; i < seeds->count; i++, seed += seeds->step) {
    if (seeds->seconds != 0 && runner_now() >= until) return;
    tape_seed(seed);
    runner__run(seed);
  }
}

static void runner__hush(void) {
  /* Not close(), which one world counts as a call of the library. */
  if (freopen("/dev/null", "w", stdout) == NULL ||
      freopen("/dev/null", "w", stderr) == NULL)
    exit(2);
}

/* ---- in the parent */

/* Returns true in the child. */
static bool runner__fork(struct runner* runner) {
  struct runner_page* page = runner->page;
  page->rule[0] = 0;
  page->message[0] = 0;
  page->draws.count = 0;
  atomic_store(&page->schedules, 0);
  atomic_store(&page->checks, 0);
  runner->seen = 0;
  runner->seen_at = runner_now();
  fflush(NULL);
  runner->process = fork();
  if (runner->process < 0) {
    perror("fork");
    exit(2);
  }
  if (runner->process != 0) return false;
  runner__page = page;
  report_ended = runner__broken;
  tape_record_in(&page->draws);
  return true;
}

void runner_start(struct runner* runner, const struct runner_seeds* seeds) {
  if (!runner__fork(runner)) return;
  runner__run_seeds(seeds);
  /* Not _exit(), since coverage and leak checks run at exit. */
  exit(0);
}

void runner_trace(struct runner* runner, uint64_t seed) {
  if (!runner__fork(runner)) return;
  report_traces = true;
  tape_seed(seed);
  runner__run(seed);
  exit(0);
}

void runner_play(struct runner* runner,
                 const uint32_t* draws,
                 size_t count,
                 bool traces) {
  if (!runner__fork(runner)) return;
  report_traces = traces;
  if (!traces) runner__hush();
  tape_play(draws, count);
  runner__run(0);
  exit(0);
}

static const char* runner__signal_name(int number) {
  switch (number) {
    case SIGABRT:
      return "SIGABRT";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    case SIGPIPE:
      return "SIGPIPE";
    case SIGSEGV:
      return "SIGSEGV";
    case SIGTRAP:
      return "SIGTRAP";
    default:
      return "a signal";
  }
}

static void runner__died(struct runner_page* page, int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  if (WIFEXITED(status) && WEXITSTATUS(status) == RUNNER__BROKEN) return;
  if (WIFSIGNALED(status)) {
    snprintf(page->rule,
             sizeof page->rule,
             "crash: %s",
             runner__signal_name(WTERMSIG(status)));
    snprintf(page->message, sizeof page->message, "%d", WTERMSIG(status));
  } else {
    /* A sanitizer ends the process in this way. */
    snprintf(page->rule,
             sizeof page->rule,
             "crash: exit code %d",
             WEXITSTATUS(status));
  }
}

bool runner_runs(struct runner* runner, double limit) {
  struct runner_page* page = runner->page;
  int status;
  if (runner->process == 0) return false;
  if (waitpid(runner->process, &status, WNOHANG) == runner->process) {
    runner->process = 0;
    runner__died(page, status);
    return false;
  }
  uint64_t schedules = atomic_load(&page->schedules);
  if (schedules != runner->seen) {
    runner->seen = schedules;
    runner->seen_at = runner_now();
  } else if (runner_now() - runner->seen_at > limit) {
    runner_stop(runner);
    snprintf(page->rule, sizeof page->rule, "hang");
    snprintf(page->message,
             sizeof page->message,
             "a schedule took longer than %.0f s",
             limit);
    return false;
  }
  return true;
}

void runner_await(struct runner* runner, double limit) {
  /* Most schedules take less than a millisecond. */
  struct timespec pause = {.tv_nsec = 100000};
  while (runner_runs(runner, limit)) {
    nanosleep(&pause, NULL);
    if (pause.tv_nsec < 5000000) pause.tv_nsec += pause.tv_nsec / 2;
  }
}

void runner_stop(struct runner* runner) {
  int status;
  if (runner->process == 0) return;
  kill(runner->process, SIGKILL);
  waitpid(runner->process, &status, 0);
  runner->process = 0;
}
