/* SPDX-License-Identifier: MIT */
/*
 * Asks the Windows that it runs on whether it does what the model of Windows
 * does.
 *
 * probe [--filter WORD] [--limit MS] [--jobs N] [--json FILE] [--controls]
 *
 * prints a Markdown table and a summary. The exit code is 0 if it ran: a
 * difference is a finding, not a failure. `--controls` runs questions with
 * known answers instead. `--run NAME` is for its own child processes.
 */
#include <string.h>
#include <winsock2.h>

#include "child.h"
#include "experiment.h"
#include "print.h"
#include "run.h"

#define MAIN__LIMIT_MS 20000
#define MAIN__JOBS 4
#define MAIN__WORDS 16
#define MAIN__USAGE 2

/* Splits it in place, at blanks outside of quotes. */
static int main__split(char* line, char** words) {
  int count = 0;
  while (count < MAIN__WORDS) {
    while (*line == ' ' || *line == '\t') line++;
    if (*line == '\0') break;
    char end = *line == '"' ? '"' : ' ';
    if (end == '"') line++;
    words[count++] = line;
    while (*line != '\0' && *line != end) line++;
    if (*line != '\0') *line++ = '\0';
  }
  return count;
}

/* Returns false unless it is a number above 0. */
static bool main__number(const char* text, DWORD* number_out) {
  *number_out = 0;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9' || *number_out > 100000) return false;
    *number_out = *number_out * 10 + (DWORD)(*text - '0');
  }
  return *number_out != 0;
}

static bool main__parse(char** words,
                        int count,
                        struct options* options,
                        const char** run_out) {
  for (int i = 1; i < count; i++) {
    const char* name = words[i];
    if (strcmp(name, "--controls") == 0) {
      options->themes = controls;
      continue;
    }
    if (++i == count) return false;
    const char* value = words[i];
    bool is_valid = true;
    if (strcmp(name, "--filter") == 0)
      options->filter = value;
    else if (strcmp(name, "--run") == 0)
      *run_out = value;
    else if (strcmp(name, "--json") == 0)
      options->json = value;
    else if (strcmp(name, "--limit") == 0)
      is_valid = main__number(value, &options->limit_ms);
    else if (strcmp(name, "--jobs") == 0)
      is_valid =
          main__number(value, &options->jobs) && options->jobs <= RUN_JOBS_MAX;
    else
      is_valid = false;
    if (!is_valid) return false;
  }
  return true;
}

static int main__run(const struct options* options, const char* name) {
  WSADATA data;
  int error = WSAStartup(MAKEWORD(2, 2), &data);
  if (error != 0) return run_fail("WSAStartup()", (DWORD)error);
  if (name == NULL) return run_all(options);
  const struct experiment* experiment = experiment_find(name);
  if (experiment == NULL) return run_fail("there is no rule of that name", 0);
  child_main(experiment);
  return 0;
}

/* Called by the system, as there is no C runtime. */
void probe_main(void);
void probe_main(void) {
  struct options options = {themes, NULL, NULL, MAIN__LIMIT_MS, MAIN__JOBS};
  const char* name = NULL;
  char* words[MAIN__WORDS];
  int count = main__split(GetCommandLineA(), words);
  if (main__parse(words, count, &options, &name))
    ExitProcess((UINT)main__run(&options, name));
  print(GetStdHandle(STD_ERROR_HANDLE),
        "usage: probe [--filter WORD] [--limit MS] [--jobs N] [--json FILE] "
        "[--controls]\n");
  ExitProcess(MAIN__USAGE);
}
