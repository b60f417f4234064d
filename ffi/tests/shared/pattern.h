/* SPDX-License-Identifier: MIT */
/*
 * Bytes that depend on their place: byte number `position` of stream number
 * `seed`. So a byte that is lost, repeated, swapped or from another stream is
 * found at the first check, with its position.
 */
#ifndef TESTS_PATTERN_H
#define TESTS_PATTERN_H

#include <stdint.h>

void pattern_fill(void* bytes,
                  uint32_t length,
                  uint64_t seed,
                  uint64_t position);

/* Ends the process if a byte is wrong. */
void pattern_check(const void* bytes,
                   uint32_t length,
                   uint64_t seed,
                   uint64_t position);

/* The next number of a random sequence that depends only on its start. */
uint32_t pattern_random(uint64_t* state);

#endif /* TESTS_PATTERN_H */
