/* SPDX-License-Identifier: MIT */
#include "tape.h"

enum tape__source { TAPE__GENERATOR, TAPE__DRAWS, TAPE__BYTES };

static struct {
  enum tape__source source;
  uint64_t state;
  const uint32_t* draws;
  const uint8_t* bytes;
  size_t count; /* of draws or bytes */
  size_t next;  /* of draws or bytes */
  uint64_t digest;
} tape;

static struct tape_draws tape__own;
static struct tape_draws* tape__recorded = &tape__own;

void tape_record_in(struct tape_draws* draws) { tape__recorded = draws; }

static void tape__begin(enum tape__source source, size_t count) {
  tape.source = source;
  tape.count = count;
  tape.next = 0;
  tape.digest = 0;
  tape__recorded->count = 0;
}

void tape_seed(uint64_t seed) {
  tape__begin(TAPE__GENERATOR, TAPE_DRAWS_MAX);
  tape.state = seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;
}

void tape_play(const uint32_t* draws, size_t count) {
  tape__begin(TAPE__DRAWS, count);
  tape.draws = draws;
}

void tape_play_bytes(const uint8_t* bytes, size_t size) {
  tape__begin(TAPE__BYTES, size);
  tape.bytes = bytes;
}

const uint32_t* tape_draws(size_t* count_out) {
  *count_out = tape__recorded->count;
  return tape__recorded->draws;
}

uint64_t tape_digest(void) { return tape.digest; }

void tape_note(uint32_t result) {
  uint64_t number = (tape.digest ^ result) * 0x9e3779b97f4a7c15u;
  tape.digest = number ^ number >> 32;
}

static uint32_t tape__keep(uint32_t draw) {
  tape_note(draw);
  if (tape__recorded->count < TAPE_DRAWS_MAX)
    tape__recorded->draws[tape__recorded->count++] = draw;
  return draw;
}

/* splitmix64; its upper half is more random. */
static uint32_t tape__random(void) {
  uint64_t number = tape.state += 0x9e3779b97f4a7c15u;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9u;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebu;
  return (uint32_t)((number ^ (number >> 31)) >> 32);
}

/* As few bytes as `count` needs, so that a fuzzer has less to try. */
static uint32_t tape__of_bytes(uint32_t count) {
  uint32_t number = 0;
  for (uint32_t left = count - 1; left != 0; left >>= 8)
    if (tape.next < tape.count) number = number << 8 | tape.bytes[tape.next++];
  return number;
}

uint32_t tape_choose(uint32_t count) {
  if (count <= 1) return 0;
  tape_note(count);
  switch (tape.source) {
    case TAPE__GENERATOR:
      if (tape.next++ >= tape.count) return tape__keep(0);
      return tape__keep((uint32_t)((uint64_t)tape__random() * count >> 32));
    case TAPE__DRAWS:
      if (tape.next >= tape.count) return tape__keep(0);
      return tape__keep(tape.draws[tape.next++] % count);
    case TAPE__BYTES:
      return tape__keep(tape__of_bytes(count) % count);
  }
  return 0;
}

uint32_t tape_between(uint32_t min, uint32_t max) {
  return min + tape_choose(max - min + 1);
}

/* Stored as 0 or 1, which is what the draw decided. */
bool tape_chance(uint32_t per_mille) {
  if (per_mille == 0) return false;
  switch (tape.source) {
    case TAPE__GENERATOR:
      if (tape.next++ >= tape.count) return tape__keep(0);
      return tape__keep(((uint64_t)tape__random() * 1000 >> 32) < per_mille);
    case TAPE__DRAWS:
      if (tape.next >= tape.count) return tape__keep(0);
      return tape__keep(tape.draws[tape.next++] != 0);
    case TAPE__BYTES:
      return tape__keep(tape__of_bytes(1000) % 1000 >= 1000 - per_mille);
  }
  return false;
}
