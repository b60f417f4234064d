/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#include <stddef.h>

#include "contract.h"
#include "tape.h"
#include "workload.h"
#include "workload_callbacks.h"
#include "world.h"

/* Schedules of the callback API, of 1,000; in real time one takes a second. */
#define SCHEDULE__CALLBACKS 150
#define SCHEDULE__CALLBACKS_REAL 20

uint64_t schedule_checks;

void schedule_run(void) {
  world_open();
  contract_open();
  if (tape_chance(world_is_exact() ? SCHEDULE__CALLBACKS
                                   : SCHEDULE__CALLBACKS_REAL))
    workload_callbacks_run();
  else
    workload_run();
  world_close();
}

/* The entry point for libFuzzer, for a program without simulate.c. */
int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  tape_play_bytes(bytes, size);
  schedule_run();
  return 0;
}
