/* SPDX-License-Identifier: MIT */
#include "runner.h"

#include <malloc.h>
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
#include "world.h"

/* The exit code of a child that has described the failure in its page. */
#define RUNNER__BROKEN 99
/* That of one whose process has ended in its last schedule, as simulated: the
 * next schedule needs a new one. */
#define RUNNER__EXITED 98
/* More time between two checks is not the fault of the schedule. */
#define RUNNER__STEP_S 0.1
/* One of so many seeds runs once more. */
#define RUNNER__AGAIN_OF 32
/* What the stack of a schedule holds before it begins. */
#define RUNNER__STACK 65536

/* The page of this child process. */
static struct runner_page* runner__page;

double runner_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void runner_open(struct runner* runner) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigprocmask(SIG_BLOCK, &signals, NULL);
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
  atomic_fetch_add(&runner__page->checks, schedule_checks);
  schedule_checks = 0;
  atomic_fetch_add(&runner__page->schedules, 1);
}

/* What memory holds that nothing has written to. */
static __attribute__((noinline)) void runner__fill(int byte) {
  volatile unsigned char stack[RUNNER__STACK];
  memset((void*)stack, byte, sizeof stack);
  mallopt(M_PERTURB, byte);
}

/* How many of the first seeds run once more after the others: what these leave
 * behind, or what is in memory, must not change them. A real system decides
 * more than the tape does. */
static uint64_t runner__again(const struct runner_seeds* seeds) {
  uint64_t count = seeds->count / RUNNER__AGAIN_OF;
  if (!world_is_exact() || seeds->until != 0) return 0;
  return count < RUNNER_AGAIN_MAX ? count : RUNNER_AGAIN_MAX;
}

static void runner__seed(const struct runner_seeds* seeds, uint64_t k) {
  uint64_t again = runner__again(seeds);
  bool is_again = k >= seeds->count;
  uint64_t index = is_again ? k - seeds->count : k;
  if (again != 0) runner__fill(is_again ? 0xa5 : 0x5a);
  tape_seed(seeds->seed + index * seeds->step);
  runner__run(seeds->seed + index * seeds->step);
  if (index >= again) return;
  if (is_again)
    RULE("a schedule depends on its seed alone",
         runner__page->digests[index] == tape_digest());
  else
    runner__page->digests[index] = tape_digest();
}

/* Returns false when the process has ended, as simulated, before the last of
 * them. */
static bool runner__run_seeds(const struct runner_seeds* seeds) {
  uint64_t count = seeds->count + runner__again(seeds);
  while (runner__page->next < count) {
    if (seeds->until != 0 && runner_now() >= seeds->until) return true;
    runner__seed(seeds, runner__page->next++);
    if (world_has_exited()) return false;
  }
  return true;
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
  runner->checked_at = runner_now();
  runner->waited = 0;
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

static void runner__continue(struct runner* runner) {
  if (!runner__fork(runner)) return;
  bool is_over = runner__run_seeds(&runner->seeds);
  /* Not _exit(), since coverage and leak checks run at exit. */
  exit(is_over ? 0 : RUNNER__EXITED);
}

void runner_start(struct runner* runner, const struct runner_seeds* seeds) {
  runner->seeds = *seeds;
  runner__continue(runner);
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
    if (WIFEXITED(status) && WEXITSTATUS(status) == RUNNER__EXITED) {
      runner__continue(runner);
      return true;
    }
    runner__died(page, status);
    return false;
  }
  /* Both processes may be stopped for a while. */
  double now = runner_now();
  double passed = now - runner->checked_at;
  runner->checked_at = now;
  runner->waited += passed < RUNNER__STEP_S ? passed : RUNNER__STEP_S;
  uint64_t schedules = atomic_load(&page->schedules);
  if (schedules != runner->seen) {
    runner->seen = schedules;
    runner->waited = 0;
  } else if (runner->waited > limit) {
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

void runner_pause(long ns) {
  struct timespec pause = {.tv_nsec = ns};
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigtimedwait(&signals, NULL, &pause);
}

void runner_await(struct runner* runner, double limit) {
  /* Most schedules take less than a millisecond. */
  long pause_ns = 100000;
  while (runner_runs(runner, limit)) {
    runner_pause(pause_ns);
    if (pause_ns < 5000000) pause_ns += pause_ns / 2;
  }
}

void runner_stop(struct runner* runner) {
  int status;
  if (runner->process == 0) return;
  kill(runner->process, SIGKILL);
  waitpid(runner->process, &status, 0);
  runner->process = 0;
}
