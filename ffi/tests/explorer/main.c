/* SPDX-License-Identifier: MIT */
/*
 * explore [--scenario NAME] [--preemptions N] [--seconds S] [--path PATH]
 *
 * Explores every scenario, in a process of its own, with 0 to N preemptions, or
 * as many as take little time. A
 * fault is printed with the path that repeats it, as `thread.event:way,...`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "explorer.h"
#include "report.h"
#include "scenario.h"
#include "world.h"

#define MAIN__BROKEN 99
#define MAIN__UNFINISHED 98

static struct {
  const char* scenario;
  const char* path;
  uint32_t preemptions; /* UINT32_MAX: as many as a short run of it has */
  double seconds;       /* for each scenario */
} options = {.preemptions = UINT32_MAX, .seconds = 3600};

/* Shared with the process of a scenario. */
struct main__page {
  struct explorer_path paths[2]; /* that runs; that is to be repeated */
  uint32_t preemptions_max;
  char rule[160];
  char message[1024];
};
static struct main__page* main__page;

static void main__broken(const char* rule, const char* message) {
  snprintf(main__page->rule, sizeof main__page->rule, "%s", rule);
  snprintf(main__page->message, sizeof main__page->message, "%s", message);
  fflush(stdout);
  _exit(MAIN__BROKEN);
}

static void main__explore(const struct scenario* scenario) {
  double until = explorer_now() + options.seconds;
  uint32_t most = options.preemptions;
  if (most == UINT32_MAX)
    most = world_posts_operations() ? scenario->preemptions
                                    : scenario->preemptions_linux;
  for (uint32_t i = 0; i <= most; i++) {
    double since = explorer_now();
    main__page->preemptions_max = i;
    struct explorer_result result =
        explorer_run(scenario->run, i, until, main__page->paths);
    printf("%s %s, %" PRIu32 " preemptions: %" PRIu64
           " schedules, %zu places, %.1f s%s\n",
           world_name,
           scenario->name,
           i,
           result.schedules,
           result.places_max,
           explorer_now() - since,
           result.is_complete ? "" : ", NOT COMPLETE");
    fflush(stdout);
    if (!result.is_complete) _exit(MAIN__UNFINISHED);
  }
}

/* Runs `what` in a child; returns false if it fails. */
static bool main__run(void (*what)(const struct scenario*),
                      const struct scenario* scenario) {
  int status;
  main__page->rule[0] = 0;
  fflush(NULL);
  pid_t process = fork();
  if (process == 0) {
    report_ended = main__broken;
    what(scenario);
    exit(0);
  }
  if (process < 0 || waitpid(process, &status, 0) != process) abort();
  if (status != 0 && main__page->rule[0] == 0)
    snprintf(main__page->rule,
             sizeof main__page->rule,
             WIFSIGNALED(status)                       ? "crash: signal %d"
             : WEXITSTATUS(status) == MAIN__UNFINISHED ? "out of time"
                                                       : "crash: exit code %d",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  return status == 0;
}

static void main__replay(const struct scenario* scenario) {
  report_traces = true;
  explorer_replay(scenario->run, main__page->paths);
}

static void main__print_path(const struct explorer_path* path) {
  const char* separator = "";
  for (size_t i = 0; i < path->length; i++) {
    const struct explorer_choice* choice = &path->choices[i];
    if (choice->way == 0) continue;
    printf("%s%u.%" PRIu32 ":%u",
           separator,
           choice->thread,
           choice->event,
           choice->way);
    separator = ",";
  }
  puts("");
}

static void main__read_path(const char* text, struct explorer_path* path) {
  unsigned thread, event, way;
  int used;
  path->length = 0;
  while (sscanf(text, "%u.%u:%u%n", &thread, &event, &way, &used) == 3 &&
         path->length < EXPLORER_DEPTH) {
    path->choices[path->length++] = (struct explorer_choice){
        .event = event, .thread = (uint8_t)thread, .way = (uint8_t)way};
    text += used;
    if (*text == ',') text++;
  }
}

static bool main__repeat(const struct scenario* scenario) {
  bool passes = main__run(main__replay, scenario);
  printf("%s %s: %s\n  %s\n",
         passes ? "passed:" : "FAILED:",
         scenario->name,
         main__page->rule,
         main__page->message);
  return passes;
}

static bool main__scenario(const struct scenario* scenario) {
  if (options.path != NULL) {
    main__read_path(options.path, &main__page->paths[1]);
    return main__repeat(scenario);
  }
  if (main__run(main__explore, scenario)) return true;
  printf("FAILED: %s, %" PRIu32
         " preemptions: %s\n  %s\n  --scenario %s --path ",
         scenario->name,
         main__page->paths[0].preemptions,
         main__page->rule,
         main__page->message,
         scenario->name);
  main__print_path(&main__page->paths[0]);
  main__page->paths[1] = main__page->paths[0];
  main__repeat(scenario);
  return false;
}

static bool main__all(const struct scenario* scenarios) {
  bool passes = true;
  for (; scenarios->name != NULL; scenarios++)
    if (options.scenario == NULL ||
        strcmp(options.scenario, scenarios->name) == 0)
      passes = main__scenario(scenarios) && passes;
  return passes;
}

static void main__options(int count, char** texts) {
  for (int i = 1; i + 1 < count; i += 2) {
    const char* value = texts[i + 1];
    if (strcmp(texts[i], "--scenario") == 0) options.scenario = value;
    if (strcmp(texts[i], "--path") == 0) options.path = value;
    if (strcmp(texts[i], "--preemptions") == 0)
      options.preemptions = (uint32_t)atoi(value);
    if (strcmp(texts[i], "--seconds") == 0) options.seconds = atof(value);
  }
}

int main(int count, char** texts) {
  main__options(count, texts);
  main__page = mmap(NULL,
                    sizeof *main__page,
                    PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS,
                    -1,
                    0);
  if (main__page == MAP_FAILED) abort();
  bool passes = main__all(scenarios_waits);
  passes = main__all(scenarios_callbacks) && passes;
  passes = main__all(scenarios_shares) && passes;
  return passes ? 0 : 1;
}
