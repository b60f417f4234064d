/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

struct options options = {.connections = 1,
                          .bytes = 64,
                          .in_flight = 1,
                          .warm_up_ms = 500,
                          .ms = 1000,
                          .settle_ms = 1000,
                          .seed = 1};

static const struct {
  const char* name;
  uint64_t* value;
} numbers[] = {{"port", &options.port},
               {"pid", &options.pid},
               {"connections", &options.connections},
               {"bytes", &options.bytes},
               {"in-flight", &options.in_flight},
               {"warm-up-ms", &options.warm_up_ms},
               {"warm-up-messages", &options.warm_up_messages},
               {"ms", &options.ms},
               {"messages", &options.messages},
               {"rate", &options.rate},
               {"gap-min-us", &options.gap_min_us},
               {"gap-max-us", &options.gap_max_us},
               {"settle-ms", &options.settle_ms},
               {"seed", &options.seed}};

static uint64_t options__number(const char* name, const char* text) {
  char* end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0')
    fail("%s needs a number, not %s", name, text);
  return value;
}

static void options__set(const char* argument, const char* text) {
  const char* name = strncmp(argument, "--", 2) == 0 ? argument + 2 : "";
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    if (strcmp(name, numbers[i].name) != 0) continue;
    *numbers[i].value = options__number(argument, text);
    return;
  }
  fail("unknown option: %s", argument);
}

void options_parse(int count, char** arguments) {
  for (int i = 0; i < count; i += 2) {
    if (strcmp(arguments[i], "--") == 0) {
      options.command = arguments + i + 1;
      break;
    }
    if (i + 1 == count) fail("%s needs a value", arguments[i]);
    options__set(arguments[i], arguments[i + 1]);
  }
  if ((options.port == 0 || options.port > 65535) && options.command == NULL)
    fail("--port must be from 1 to 65535");
  if (options.connections == 0 || options.bytes == 0 || options.in_flight == 0)
    fail("--connections, --bytes and --in-flight must not be 0");
}

pid_t options_pid(void) { return (pid_t)options.pid; }
