/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define REPORT__LENGTH 1024

bool report_traces;
void (*report_ended)(const char* rule, const char* message);

void report_trace(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  putchar('\n');
  /* The process may crash before the next line. */
  fflush(stdout);
}

_Noreturn void report_violation(const char* rule, const char* format, ...) {
  char message[REPORT__LENGTH];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  TRACE("violation: %s: %s", rule, message);
  if (report_ended != NULL) report_ended(rule, message);
  fprintf(stderr, "%s: %s\n", rule, message);
  abort();
}
