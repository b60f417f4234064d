/* SPDX-License-Identifier: MIT */
/*
 * Common to all fuzz targets: an input is a program of steps of eight bytes. A
 * rest of fewer bytes is ignored.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

struct step {
  uint8_t call; /* which function, and how */
  uint8_t port;
  uint8_t socket;
  uint8_t a, b, c, d, e; /* its other arguments */
};

#define STEP_CALL 0x1f
/* the system opens no descriptor during the call */
#define STEP_NO_HANDLES 0x20
/* allocations of the library fail during the call */
#define STEP_NO_MEMORY 0x40
#define STEP_OTHER_THREAD 0x80
/* No more steps of an input are run, so that each input is fast. */
#define STEPS_MAX 128

/* Checked in every build; a fuzzer reports the trap as a crash. */
#define FUZZ_CHECK(expression) \
  ((expression) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #expression))

/* For integers; prints both when they differ. */
#define FUZZ_IS(actual, expected)      \
  fuzz_equal(__FILE__,                 \
             __LINE__,                 \
             #actual " is " #expected, \
             (int64_t)(actual),        \
             (int64_t)(expected))

void fuzz_equal(const char* file,
                int line,
                const char* expression,
                int64_t actual,
                int64_t expected);

_Noreturn void fuzz_failed(const char* file, int line, const char* expression);

/* Notes the running step, which a failure prints as well. */
void fuzz_note(size_t index, const struct step* step);

/* Reports a state to libFuzzer, in addition to covered code: inputs that reach
 * new states are added to the corpus. */
void fuzz_reached(uint32_t what, uint32_t state, int32_t result);

/* The target. */
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

#endif /* FUZZ_H */
