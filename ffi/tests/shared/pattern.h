/* SPDX-License-Identifier: MIT */
/*
 * Bytes that tell their place: byte number `position` of stream number `seed`.
 * A byte that is lost, repeated, swapped or taken from another stream shows at
 * the first check, with its position.
 */
#ifndef TESTS_PATTERN_H
#define TESTS_PATTERN_H

#include <stdint.h>

void pattern_fill(void* bytes,
                  uint32_t length,
                  uint64_t seed,
                  uint64_t position);

/* Ends the process when a byte is not the one of its place. */
void pattern_check(const void* bytes,
                   uint32_t length,
                   uint64_t seed,
                   uint64_t position);

/* The next number of a random sequence that depends on its start only. */
uint32_t pattern_random(uint64_t* state);

#endif /* TESTS_PATTERN_H */
