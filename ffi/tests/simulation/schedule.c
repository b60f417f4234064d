/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#include <stddef.h>

#include "tape.h"
#include "workload.h"
#include "world.h"

uint64_t schedule_checks;

void schedule_run(void) {
  world_open();
  workload_run();
  world_close();
}

/* The target of libFuzzer, for a program without simulate.c. */
int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  tape_play_bytes(bytes, size);
  schedule_run();
  return 0;
}
