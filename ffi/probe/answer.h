/* SPDX-License-Identifier: MIT */
/* What an experiment reports to the process that started it. */
#ifndef PROBE_ANSWER_H
#define PROBE_ANSWER_H

#include <stdbool.h>
#include <winsock2.h>

#define ANSWER_SIZE 160

/* The exit codes of an experiment. */
#define ANSWER_GIVEN 0
#define ANSWER_NOT_ASKED 3

/* The answer, in words that can be compared with those of the model. */
__attribute__((format(printf, 1, 2))) void answer(const char* format, ...);

/* Details of it, which are not compared. */
__attribute__((format(printf, 1, 2))) void answer_detail(const char* format,
                                                         ...);

/* Writes both to `file`, one per line. */
void answer_print(HANDLE file);

/* A step that must work before the question. Otherwise the process ends: the
 * rule was not asked, and the failed step is the reason. */
#define NEED(condition) answer_need(condition, #condition)
void answer_need(bool is_done, const char* step);

#endif /* PROBE_ANSWER_H */
