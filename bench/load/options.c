/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <string.h>

#include "fail.h"

struct options options = {.connections = 1, .bytes = 64};

#define OPTIONS__NUMBER(name) {"--" #name, &options.name},
static const struct {
  const char* name;
  uint64_t* value;
} numbers[] = {OPTIONS(OPTIONS__NUMBER)};

static void options__set(const char* name, const char* text) {
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    if (strcmp(name, numbers[i].name) != 0) continue;
    char* end;
    *numbers[i].value = strtoull(text, &end, 10);
    if (end == text || *end != '\0') fail("%s needs a number", name);
    return;
  }
  fail("unknown option: %s", name);
}

void options_parse(int count, char** arguments) {
  if (count % 2 != 0) fail("%s needs a value", arguments[count - 1]);
  for (int i = 0; i < count; i += 2)
    options__set(arguments[i], arguments[i + 1]);
  if (options.port == 0 || options.port > 65535)
    fail("--port must be from 1 to 65535");
  if (options.pid == 0 || options.connections == 0 || options.bytes == 0)
    fail("--pid, --connections and --bytes must not be 0");
}
