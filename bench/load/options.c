/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <string.h>

#include "fail.h"

struct options options = {.connections = 1, .bytes = 64};

#define OPTIONS__SET(option)           \
  if (strcmp(name, "--" #option) == 0) \
    options.option = strtoull(text, &end, 10);

static void options__set(const char* name, const char* text) {
  char* end = NULL;
  OPTIONS(OPTIONS__SET)
  if (end == NULL) fail("unknown option: %s", name);
  if (end == text || *end != '\0') fail("%s needs a number", name);
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
