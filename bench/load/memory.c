/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <stdio.h>
#include <string.h>

#include "fail.h"

struct memory memory_of(pid_t pid) {
  struct memory memory = {0};
  if (pid == 0) return memory;
  char line[256];
  snprintf(line, sizeof line, "/proc/%d/status", (int)pid);
  FILE* status = fopen(line, "r");
  if (status == NULL) fail("no process %d", (int)pid);
  while (fgets(line, sizeof line, status) != NULL) {
    unsigned long long value;
    char name[16];
    if (sscanf(line, "%15[^:]: %llu kB", name, &value) != 2) continue;
    if (strcmp(name, "VmRSS") == 0) memory.resident = value;
    if (strcmp(name, "RssAnon") == 0) memory.anonymous = value;
    if (strcmp(name, "VmHWM") == 0) memory.peak = value;
  }
  fclose(status);
  return memory;
}
