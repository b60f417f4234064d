/* SPDX-License-Identifier: MIT */
/*
 * load KIND --port PORT --pid PID ...: puts a server under load, checks what it
 * answers, and prints what was measured. --help names the kinds.
 */
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "kinds.h"
#include "options.h"
#include "pattern.h"

static const struct {
  const char* name;
  void (*run)(void);
  const char* what;
} kinds[] = {
    {"echo", load_echo, "--in-flight messages at once on each connection"},
    {"rate", load_rate, "messages at moments that are fixed beforehand"},
    {"upload", load_upload, "sends as fast as the server takes it"},
    {"download", load_download, "receives as fast as the server sends"},
    {"churn", load_churn, "connects, has a message echoed, ends, and again"},
    {"idle", load_idle, "connections that say nothing"},
    {"broadcast",
     load_broadcast,
     "a message that everybody gets, and the next"},
    {"http", load_http, "GET / on connections that are kept"},
    {"startup", load_startup, "-- COMMAND: from its start to its first echo"}};

static int usage(void) {
  puts("usage: load KIND [--name value ...]; the names are in options.c");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    printf("  %-10s %s\n", kinds[i].name, kinds[i].what);
  return 2;
}

int main(int argc, char** argv) {
  if (argc < 2 || strcmp(argv[1], "--help") == 0) return usage();
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(argv[1], kinds[i].name) != 0) continue;
    options_parse(argc - 2, argv + 2);
    pattern_fill();
    kinds[i].run();
    return 0;
  }
  return usage();
}
