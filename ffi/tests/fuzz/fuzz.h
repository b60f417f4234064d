/* SPDX-License-Identifier: MIT */
/*
 * What all fuzz targets share: an input is a program of steps of eight bytes.
 * What is left of the last one is no step.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

struct step {
  uint8_t call; /* which function, and how */
  uint8_t port;
  uint8_t socket;
  uint8_t a, b, c, d, e; /* what else the function wants */
};

#define STEP_CALL 0x1f
#define STEP_NO_HANDLES 0x20 /* the system gives out none during the call */
#define STEP_NO_MEMORY 0x40  /* the library gets none during the call */
#define STEP_OTHER_THREAD 0x80
/* More than this of an input is not read, so that each one is fast. */
#define STEPS_MAX 128

/* Every build checks it; a fuzzer takes the trap for a crash. */
#define FUZZ_CHECK(expression) \
  ((expression) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #expression))

/* Both are numbers, and both are printed when they differ. */
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

/* Prints what a failure prints as well: the step that runs. */
void fuzz_note(size_t index, const struct step* step);

/* Tells libFuzzer of a state that has been reached, beside the code that has
 * run: inputs that reach new ones are kept. */
void fuzz_reached(uint32_t what, uint32_t state, int32_t result);

/* The target. */
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

#endif /* FUZZ_H */
