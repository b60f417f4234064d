/* SPDX-License-Identifier: MIT */
/*
 * What a source sends: the bytes that load.c knows by heart, from their
 * beginning on.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdint.h>
#include <string.h>

/* A prime, so that no multiple of a block's length comes out even. */
#define PATTERN_PERIOD 65521
#define PATTERN_BLOCK 65536

static uint8_t pattern__bytes[PATTERN_PERIOD + PATTERN_BLOCK];

static inline void pattern_fill(void) {
  uint32_t state = 2463534242u;
  for (size_t i = 0; i < PATTERN_PERIOD; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    pattern__bytes[i] = (uint8_t)(state >> 24);
  }
  for (size_t i = PATTERN_PERIOD; i < sizeof pattern__bytes; i++)
    pattern__bytes[i] = pattern__bytes[i - PATTERN_PERIOD];
}

/* A block of the stream from a position on. */
static inline const uint8_t* pattern_at(uint64_t position) {
  return pattern__bytes + position % PATTERN_PERIOD;
}

#endif /* PATTERN_H */
