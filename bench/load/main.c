/* SPDX-License-Identifier: MIT */
/*
 * load KIND --port PORT --pid PID ...: puts a server under load, checks what it
 * sends back, and prints what was measured. The kinds are below, each in a file
 * of its name; the options are in options.c.
 */
#include <string.h>

#include "fail.h"
#include "options.h"

void load_echo(void);
void load_rate(void);
void load_churn(void);
void load_idle(void);
void load_broadcast(void);
void load_http(void);

static const struct {
  const char* name;
  void (*run)(void);
} kinds[] = {{"echo", load_echo},
             {"rate", load_rate},
             {"churn", load_churn},
             {"idle", load_idle},
             {"broadcast", load_broadcast},
             {"http", load_http}};

int main(int argc, char** argv) {
  for (size_t i = 0; argc > 1 && i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(argv[1], kinds[i].name) != 0) continue;
    options_parse(argc - 2, argv + 2);
    kinds[i].run();
    return 0;
  }
  fail("the first argument must be a kind of load");
}
