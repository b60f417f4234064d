/* SPDX-License-Identifier: MIT */
/*
 * The assertions of the tests, which no build option removes. A failure prints
 * where, what and the system's error numbers, and ends the process with exit
 * code 1.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdint.h>

#define check(expression) \
  ((expression) ? (void)0 : check_failed(__FILE__, __LINE__, #expression))

/* For integers; prints both when they differ. */
#define check_is(actual, expected)      \
  check_equal(__FILE__,                 \
              __LINE__,                 \
              #actual " is " #expected, \
              (int64_t)(actual),        \
              (int64_t)(expected))

_Noreturn void check_failed(const char* file, int line, const char* expression);

void check_equal(const char* file,
                 int line,
                 const char* expression,
                 int64_t actual,
                 int64_t expected);

/* The port whose native error is printed on a failure. */
void check_note_port(int32_t port);

#endif /* TESTS_CHECK_H */
