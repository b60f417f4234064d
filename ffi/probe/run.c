/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <string.h>

#include "number.h"
#include "print.h"
#include "report.h"

#define RUN__MAX 512
#define RUN__POLL_MS 50
#define RUN__COULD_NOT_RUN 1

struct run__job {
  const struct theme* theme;
  const struct experiment* experiment;
  struct result result;
};

static struct {
  struct run__job jobs[RUN__MAX];
  DWORD count;
  DWORD next; /* the next one to start */
  struct child children[RUN_JOBS_MAX];
  struct run__job* of_child[RUN_JOBS_MAX]; /* NULL: there is none */
} run;

int run_fail(const char* what, DWORD error) {
  HANDLE output = GetStdHandle(STD_ERROR_HANDLE);
  if (error == 0)
    print(output, "%s\n", what);
  else
    print(output, "%s: %s\n", what, number_error(error));
  return RUN__COULD_NOT_RUN;
}

static void run__collect(const struct theme* theme, const char* filter) {
  for (; theme->title != NULL; theme++)
    for (const struct experiment* experiment = theme->experiments;
         experiment->name != NULL && run.count < RUN__MAX;
         experiment++) {
      if (filter != NULL && strstr(experiment->name, filter) == NULL) continue;
      run.jobs[run.count].theme = theme;
      run.jobs[run.count++].experiment = experiment;
    }
}

/* ---- processes */

/* Starts processes in the free places. Returns 0 or an error. */
static DWORD run__start(DWORD places) {
  for (DWORD i = 0; i < places && run.next < run.count; i++) {
    if (run.of_child[i] != NULL) continue;
    struct run__job* job = &run.jobs[run.next];
    DWORD error = child_start(&run.children[i], job->experiment);
    if (error != 0) return error;
    run.of_child[i] = job;
    run.next++;
  }
  return 0;
}

/* Waits until one ends, or for its limit. Returns whether any is running. */
static bool run__wait(void) {
  HANDLE processes[RUN_JOBS_MAX];
  DWORD count = 0;
  for (DWORD i = 0; i < RUN_JOBS_MAX; i++)
    if (run.of_child[i] != NULL) processes[count++] = run.children[i].process;
  if (count == 0) return false;
  WaitForMultipleObjects(count, processes, FALSE, RUN__POLL_MS);
  return true;
}

static DWORD run__experiments(const struct options* options) {
  do {
    for (DWORD i = 0; i < RUN_JOBS_MAX; i++)
      if (run.of_child[i] != NULL &&
          child_has_ended(
              &run.children[i], options->limit_ms, &run.of_child[i]->result))
        run.of_child[i] = NULL;
    DWORD error = run__start(options->jobs);
    if (error != 0) return error;
  } while (run__wait());
  return 0;
}

/* ---- results */

static void run__print(HANDLE json) {
  HANDLE output = GetStdHandle(STD_OUTPUT_HANDLE);
  struct summary summary = {0, 0, 0, 0};
  const struct theme* theme = NULL;
  if (json != NULL) report_json_open(json);
  for (DWORD i = 0; i < run.count; i++) {
    const struct run__job* job = &run.jobs[i];
    if (job->theme != theme) report_theme(output, job->theme);
    theme = job->theme;
    report_row(output, job->experiment, &job->result);
    summary_add(&summary, job->experiment, &job->result);
    if (json != NULL)
      report_json_row(json, theme, job->experiment, &job->result, i == 0);
  }
  report_summary(output, &summary);
  if (json != NULL) report_json_close(json, &summary);
}

int run_all(const struct options* options) {
  HANDLE json = NULL;
  run__collect(options->themes, options->filter);
  if (run.count == 0) return run_fail("there is no rule of that name", 0);
  if (options->json != NULL) {
    json = CreateFileA(options->json,
                       GENERIC_WRITE,
                       0,
                       NULL,
                       CREATE_ALWAYS,
                       FILE_ATTRIBUTE_NORMAL,
                       NULL);
    if (json == INVALID_HANDLE_VALUE)
      return run_fail(options->json, GetLastError());
  }
  DWORD error = run__experiments(options);
  if (error != 0) return run_fail("no process can be started", error);
  run__print(json);
  if (json != NULL) CloseHandle(json);
  return 0;
}
