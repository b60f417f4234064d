/* SPDX-License-Identifier: MIT */
/*
 * load KIND --port PORT --pid PID ...: puts a server under load, checks what it
 * sends back, and prints what was measured. The kinds are below, each in a file
 * of its name; the options are in options.c.
 */
#include <string.h>

#include "fail.h"
#include "options.h"

#define KINDS(X) \
  X(echo)        \
  X(rate)        \
  X(churn) X(idle) X(broadcast) X(http) X(datagram_receive) X(datagram_send)

#define KIND__DECLARE(name) void load_##name(void);
KINDS(KIND__DECLARE)

#define KIND__RUN(name) \
  if (strcmp(kind, #name) == 0) return load_##name(), 0;

int main(int argc, char** argv) {
  const char* kind = argc > 1 ? argv[1] : "";
  if (argc > 1) options_parse(argc - 2, argv + 2);
  KINDS(KIND__RUN)
  fail("the first argument must be a kind of load");
}
