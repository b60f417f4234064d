/* SPDX-License-Identifier: MIT */
#include "pattern.h"

#include <stddef.h>

static uint8_t pattern[PATTERN_PERIOD + PATTERN_PIECE];

void pattern_fill(void) {
  uint32_t state = 2463534242u;
  for (size_t i = 0; i < PATTERN_PERIOD; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    pattern[i] = (uint8_t)(state >> 24);
  }
  for (size_t i = PATTERN_PERIOD; i < sizeof pattern; i++)
    pattern[i] = pattern[i - PATTERN_PERIOD];
}

const uint8_t* pattern_at(uint64_t position) {
  return pattern + position % PATTERN_PERIOD;
}
