/* SPDX-License-Identifier: MIT */
/* The results as a Markdown table and as JSON. */
#ifndef PROBE_REPORT_H
#define PROBE_REPORT_H

#include "child.h"

struct summary {
  unsigned asked;
  unsigned same;
  unsigned different;
  unsigned not_asked;
};

/* The system, in one line. */
const char* report_system(void);

void report_theme(HANDLE file, const struct theme* theme);
void report_row(HANDLE file,
                const struct experiment* experiment,
                const struct result* result);
void report_summary(HANDLE file, const struct summary* summary);

void summary_add(struct summary* summary,
                 const struct experiment* experiment,
                 const struct result* result);

void report_json_open(HANDLE file);
void report_json_row(HANDLE file,
                     const struct theme* theme,
                     const struct experiment* experiment,
                     const struct result* result,
                     bool is_first);
void report_json_close(HANDLE file, const struct summary* summary);

#endif /* PROBE_REPORT_H */
