/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define FUZZ__STATES 512

/* libFuzzer finds this section by its name. */
__attribute__((
    section("__libfuzzer_extra_counters"))) static uint8_t states[FUZZ__STATES];

static size_t noted_index;
static struct step noted_step;

void fuzz_note(size_t index, const struct step* step) {
  noted_index = index;
  noted_step = *step;
}

_Noreturn void fuzz_failed(const char* file, int line, const char* expression) {
  fprintf(stderr,
          "%s:%d: failed: %s\n"
          "  in step %zu: call %d%s%s%s, port %d, socket %d, %d %d %d %d %d; "
          "errno %d\n",
          file,
          line,
          expression,
          noted_index,
          noted_step.call & STEP_CALL,
          (noted_step.call & STEP_OTHER_THREAD) != 0 ? " (other thread)" : "",
          (noted_step.call & STEP_NO_MEMORY) != 0 ? " (no memory)" : "",
          (noted_step.call & STEP_NO_HANDLES) != 0 ? " (no handles)" : "",
          noted_step.port,
          noted_step.socket,
          noted_step.a,
          noted_step.b,
          noted_step.c,
          noted_step.d,
          noted_step.e,
          errno);
  fflush(stderr);
  /* Not abort(): the library's threads block its signal, and libFuzzer could
   * not save the input. */
  __builtin_trap();
}

void fuzz_equal(const char* file,
                int line,
                const char* expression,
                int64_t actual,
                int64_t expected) {
  if (actual == expected) return;
  fprintf(stderr, "%" PRId64 " is not %" PRId64 "\n", actual, expected);
  fuzz_failed(file, line, expression);
}

void fuzz_reached(uint32_t what, uint32_t state, int32_t result) {
  /* Of a result only the error, or that there was none. */
  uint32_t outcome = result < 0 ? (uint32_t)-result : result > 0;
  uint32_t hash =
      (what * 0x9e3779b1u) ^ (state * 0x85ebca6bu) ^ (outcome * 0xc2b2ae35u);
  states[(hash ^ hash >> 15) % FUZZ__STATES] = 1;
}
