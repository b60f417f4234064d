/* SPDX-License-Identifier: MIT */
/* The output of a schedule: its trace, and the rule that was broken. */
#ifndef IOCP_REPORT_H
#define IOCP_REPORT_H

#include <stdbool.h>

/* False for most schedules; a failed one is played again with its trace. */
extern bool report_traces;

/* Called on a violation; it does not return. NULL: print and abort. */
extern void (*report_ended)(const char* rule, const char* message);

/* One line of the trace. Lines of the system are indented by two spaces. */
void report_trace(const char* format, ...)
    __attribute__((format(printf, 1, 2)));

/* The two above, without evaluating the arguments when they are not used. */
#define TRACE(...)                                \
  do {                                            \
    if (report_traces) report_trace(__VA_ARGS__); \
  } while (0)

/* Ends the schedule: `rule`, a short fixed sentence, does not hold. Failures
 * with the same rule count as the same failure. */
_Noreturn void report_violation(const char* rule, const char* format, ...)
    __attribute__((format(printf, 2, 3)));

/* Checked in every build. */
#define RULE(rule, expression)                                              \
  do {                                                                      \
    if (!(expression))                                                      \
      report_violation(rule, "%s:%d: %s", __FILE__, __LINE__, #expression); \
  } while (0)

#endif /* IOCP_REPORT_H */
