/* SPDX-License-Identifier: MIT */
/*
 * The system of an input, as equal each time as possible: a private network,
 * which has a loopback with small buffers and nothing else, and a clock that
 * only the input advances. At the end of an input it checks for leaks:
 * descriptors, mappings, blocks of memory.
 */
#ifndef FUZZ_ENVIRONMENT_H
#define FUZZ_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Call before the first input; later calls do nothing. */
void environment_open(void);

/* Call before and after each input. The end stops the process if anything is
 * leaked. */
void environment_begin(void);
void environment_end(void);

/* Advances the library's clock. */
void environment_pass(uint32_t ms);

/* While set, allocations of the library fail; a change clears the result
 * below. */
void environment_shorten(bool is_short);

/* Whether an allocation has failed. */
bool environment_was_short(void);

/* While set, the process cannot open descriptors. */
void environment_close_off(bool is_closed);

#endif /* FUZZ_ENVIRONMENT_H */
