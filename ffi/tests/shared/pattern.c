/* SPDX-License-Identifier: MIT */
#include "pattern.h"

#include <inttypes.h>
#include <stdio.h>

#include "check.h"

/* The finalizer of splitmix64: every bit of the input affects every bit of the
 * result. */
static uint64_t pattern__mix(uint64_t number) {
  number += 0x9e3779b97f4a7c15u;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9u;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebu;
  return number ^ (number >> 31);
}

/* One word for eight bytes. Both systems are little-endian, and no test depends
 * on it. */
static uint64_t pattern__word(uint64_t seed, uint64_t position) {
  return pattern__mix(seed * 0x2545f4914f6cdd1du + position / 8);
}

void pattern_fill(void* bytes,
                  uint32_t length,
                  uint64_t seed,
                  uint64_t position) {
  uint8_t* to = bytes;
  uint64_t word = pattern__word(seed, position) >> (position % 8 * 8);
  for (uint32_t i = 0; i < length; i++) {
    to[i] = (uint8_t)word;
    position++;
    word = position % 8 == 0 ? pattern__word(seed, position) : word >> 8;
  }
}

#define PATTERN__SAMPLE 16
#define PATTERN__WINDOW (4 << 20)

/* Prints where in the stream the bytes belong, if that is nearby, which helps
 * to see what was lost or repeated. */
static void pattern__explain(const uint8_t* bytes,
                             uint32_t length,
                             uint64_t seed,
                             uint64_t position) {
  uint8_t wanted[PATTERN__SAMPLE];
  uint64_t from = position < PATTERN__WINDOW ? 0 : position - PATTERN__WINDOW;
  uint32_t count = length < PATTERN__SAMPLE ? length : PATTERN__SAMPLE;
  for (uint64_t at = from; at < position + PATTERN__WINDOW; at++) {
    uint32_t same = 0;
    pattern_fill(wanted, count, seed, at);
    while (same < count && bytes[same] == wanted[same]) same++;
    if (same < count) continue;
    fprintf(stderr,
            "%u bytes here are those of byte %" PRIu64 " (%" PRId64 ")\n",
            count,
            at,
            (int64_t)(at - position));
    return;
  }
  fprintf(stderr, "%u bytes here are from nowhere nearby\n", count);
}

void pattern_check(const void* bytes,
                   uint32_t length,
                   uint64_t seed,
                   uint64_t position) {
  const uint8_t* from = bytes;
  uint64_t word = pattern__word(seed, position) >> (position % 8 * 8);
  for (uint32_t i = 0; i < length; i++) {
    if (from[i] != (uint8_t)word) {
      fprintf(stderr,
              "byte %" PRIu64 " of stream %" PRIu64 " (%u of %u)\n",
              position,
              seed,
              i,
              length);
      pattern__explain(from + i, length - i, seed, position);
      check_is(from[i], (uint8_t)word);
    }
    position++;
    word = position % 8 == 0 ? pattern__word(seed, position) : word >> 8;
  }
}

uint32_t pattern_random(uint64_t* state) {
  *state += 1;
  return (uint32_t)(pattern__mix(*state) >> 32);
}
