/* SPDX-License-Identifier: MIT */
/* What an experiment says to the process that started it. */
#ifndef PROBE_ANSWER_H
#define PROBE_ANSWER_H

#include <stdbool.h>
#include <winsock2.h>

#define ANSWER_SIZE 160

/* How the process of an experiment ends. */
#define ANSWER_GIVEN 0
#define ANSWER_NOT_ASKED 3

/* What was seen, in words that can be compared with those of the model. */
__attribute__((format(printf, 1, 2))) void answer(const char* format, ...);

/* What else is worth knowing of it; not compared. */
__attribute__((format(printf, 1, 2))) void answer_detail(const char* format,
                                                         ...);

/* Writes both to `file`, a line each. */
void answer_print(HANDLE file);

/* A step that has to work before anything can be asked. Else the process ends:
 * the rule could not be asked here, and the failed step says why. */
#define NEED(condition) answer_need(condition, #condition)
void answer_need(bool is_done, const char* step);

#endif /* PROBE_ANSWER_H */
