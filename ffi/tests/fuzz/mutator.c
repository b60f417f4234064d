/* SPDX-License-Identifier: MIT */
/*
 * Changes programs by whole steps, so that later steps keep their meaning, and
 * inserts short sequences that do something: random bytes rarely listen,
 * connect, accept and poll in this order.
 */
#include <string.h>

#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t size_max);
size_t LLVMFuzzerCustomMutator(uint8_t* data,
                               size_t size,
                               size_t size_max,
                               unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t* data,
                                 size_t size,
                                 const uint8_t* other,
                                 size_t other_size,
                                 uint8_t* out,
                                 size_t out_size_max,
                                 unsigned int seed);

#define MUTATOR__CALLS 31

/* By their numbers in fuzz_calls.c. */
enum {
  POLL = 0,
  PASS = 10,
  LISTEN = 11,
  ACCEPT = 12,
  CONNECT = 13,
  ADD = 14,
  RECEIVE = 15,
  READ = 16,
  SEND = 17,
  SHUTDOWN = 18,
  CLOSE = 19,
  SET_OPTION = 21,
  PEER_OPEN = 24,
  PEER_SEND = 25,
  PEER_END = 27,
  LOCAL = 29,
  DATAGRAM = 30
};

/* Each poll has the whole slab. */
#define MUTATOR__POLL {POLL, 0, 0, 0, 7, 0, 0, 0}

static const struct step mutator__sequences[][6] = {
    {{LISTEN, 0, 0, 0, 1, 0, 0, 0},
     {ACCEPT, 0, 0, 128, 0, 0, 0, 0},
     {CONNECT, 0, 0, 0, 0, 0, 0, 0},
     MUTATOR__POLL,
     {SEND, 0, 1, 1, 0, 0, 0, 0},
     MUTATOR__POLL},
    {{PEER_OPEN, 0, 0, 15, 0, 0, 0, 0},
     MUTATOR__POLL,
     {RECEIVE, 0, 1, 0, 0, 0, 0, 0},
     {PEER_SEND, 0, 0, 0, 2, 0, 0, 0},
     MUTATOR__POLL,
     MUTATOR__POLL},
    {{PEER_OPEN, 0, 0, 8, 0, 0, 0, 0},
     {ADD, 0, 0, 0, 0, 0, 0, 0},
     {SEND, 0, 0, 4, 0, 0, 0, 0},
     MUTATOR__POLL,
     {CLOSE, 0, 0, 2, 3, 0, 0, 0},
     MUTATOR__POLL},
    {{SET_OPTION, 0, 0, 8, 1, 0, 0, 0},
     {SET_OPTION, 0, 0, 9, 3, 0, 0, 0},
     {PEER_OPEN, 0, 0, 15, 0, 0, 0, 0},
     MUTATOR__POLL,
     {PASS, 0, 0, 5, 0, 0, 0, 0},
     MUTATOR__POLL},
    {{DATAGRAM, 0, 0, 0, 0, 0, 0, 3},
     {DATAGRAM, 0, 0, 0, 0, 0, 0, 3},
     {RECEIVE, 0, 0, 128, 0, 0, 0, 0},
     {DATAGRAM, 0, 1, 7, 3, 0, 0, 0},
     {DATAGRAM, 0, 1, 3, 5, 0, 0, 0},
     MUTATOR__POLL},
    {{DATAGRAM, 0, 0, 0, 160, 0, 0, 3},
     {DATAGRAM, 0, 0, 0, 128, 0, 0, 3},
     {DATAGRAM, 0, 1, 7, 9, 0, 0, 0},
     {DATAGRAM, 0, 0, 10, 3, 0, 0, 0},
     {RECEIVE, 0, 0, 0, 0, 0, 0, 0},
     MUTATOR__POLL},
    {{LOCAL, 0, 0, 0, 1, 0, 0, 0},
     {ACCEPT, 0, 0, 128, 0, 0, 0, 0},
     {LOCAL, 0, 0, 1, 0, 0, 0, 0},
     MUTATOR__POLL,
     {SEND, 0, 1, 1, 0, 0, 0, 0},
     MUTATOR__POLL},
    {{READ, 0, 0, 1, 0, 0, 0, 0},
     {PEER_END, 0, 0, 0, 2, 0, 0, 0},
     MUTATOR__POLL,
     {SHUTDOWN, 0, 0, 0, 0, 0, 0, 0},
     {CLOSE, 0, 0, 0, 3, 0, 0, 0},
     MUTATOR__POLL},
};
#define MUTATOR__SEQUENCES \
  (sizeof mutator__sequences / sizeof mutator__sequences[0])

static uint32_t random_state;

static uint32_t mutator__draw(uint32_t count) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state % count;
}

static void mutator__seed(unsigned int seed) {
  random_state = seed * 2654435761u + 1;
  if (random_state == 0) random_state = 1;
}

/* A step that is valid more often than random bytes are. */
static struct step mutator__step(void) {
  struct step step;
  uint8_t* bytes = (uint8_t*)&step;
  for (size_t i = 0; i < sizeof step; i++)
    bytes[i] = mutator__draw(3) == 0 ? (uint8_t)mutator__draw(256)
                                     : (uint8_t)mutator__draw(16);
  step.call = (uint8_t)mutator__draw(MUTATOR__CALLS);
  if (mutator__draw(16) == 0) step.call |= STEP_OTHER_THREAD;
  if (mutator__draw(32) == 0) step.call |= STEP_NO_MEMORY;
  if (mutator__draw(32) == 0) step.call |= STEP_NO_HANDLES;
  return step;
}

/* Makes room for `added` steps at `at`; returns how many fit. */
static size_t mutator__open(struct step* steps,
                            size_t count,
                            size_t count_max,
                            size_t at,
                            size_t added) {
  if (added > count_max - count) added = count_max - count;
  memmove(steps + at + added, steps + at, (count - at) * sizeof *steps);
  return added;
}

static size_t mutator__cut(struct step* steps, size_t count) {
  size_t at = mutator__draw((uint32_t)count);
  size_t cut = 1 + mutator__draw(mutator__draw(4) == 0 ? 16 : 2);
  if (cut > count - at) cut = count - at;
  memmove(steps + at, steps + at + cut, (count - at - cut) * sizeof *steps);
  return count - cut;
}

static size_t mutator__copy(struct step* steps, size_t count, size_t max) {
  struct step copy[8];
  size_t from = mutator__draw((uint32_t)count);
  size_t wanted = 1 + mutator__draw(8);
  if (wanted > count - from) wanted = count - from;
  memcpy(copy, steps + from, wanted * sizeof *copy);
  size_t at = mutator__draw((uint32_t)count + 1);
  size_t added = mutator__open(steps, count, max, at, wanted);
  memcpy(steps + at, copy, added * sizeof *copy);
  return count + added;
}

static size_t mutator__insert(struct step* steps, size_t count, size_t max) {
  size_t at = mutator__draw((uint32_t)count + 1);
  if (mutator__draw(4) == 0) {
    const struct step* sequence =
        mutator__sequences[mutator__draw(MUTATOR__SEQUENCES)];
    size_t added = mutator__open(steps, count, max, at, 6);
    memcpy(steps + at, sequence, added * sizeof *steps);
    return count + added;
  }
  size_t added = mutator__open(steps, count, max, at, 1);
  if (added != 0) steps[at] = mutator__step();
  return count + added;
}

static void mutator__change(struct step* steps, size_t count) {
  uint8_t* bytes = (uint8_t*)&steps[mutator__draw((uint32_t)count)];
  uint32_t field = mutator__draw(sizeof *steps);
  switch (mutator__draw(3)) {
    case 0:
      bytes[field] = (uint8_t)mutator__draw(256);
      break;
    case 1:
      bytes[field] += (uint8_t)(mutator__draw(2) == 0 ? 1 : 255);
      break;
    default:
      bytes[field] ^= (uint8_t)(1u << mutator__draw(8));
  }
}

static size_t mutator__once(struct step* steps, size_t count, size_t max) {
  if (count == 0) return mutator__insert(steps, count, max);
  switch (mutator__draw(6)) {
    case 0:
      return mutator__cut(steps, count);
    case 1:
      return mutator__copy(steps, count, max);
    case 2:
    case 3:
      return mutator__insert(steps, count, max);
    default:
      mutator__change(steps, count);
      return count;
  }
}

size_t LLVMFuzzerCustomMutator(uint8_t* data,
                               size_t size,
                               size_t size_max,
                               unsigned int seed) {
  struct step steps[STEPS_MAX];
  size_t count = size / sizeof *steps, max = size_max / sizeof *steps;
  mutator__seed(seed);
  if (mutator__draw(8) == 0) return LLVMFuzzerMutate(data, size, size_max);
  if (max > STEPS_MAX) max = STEPS_MAX;
  if (count > max) count = max;
  memcpy(steps, data, count * sizeof *steps);
  do count = mutator__once(steps, count, max);
  while (mutator__draw(3) != 0);
  memcpy(data, steps, count * sizeof *steps);
  return count * sizeof *steps;
}

/* The beginning of one input and the end of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t* data,
                                 size_t size,
                                 const uint8_t* other,
                                 size_t other_size,
                                 uint8_t* out,
                                 size_t out_size_max,
                                 unsigned int seed) {
  size_t unit = sizeof(struct step);
  size_t count = size / unit, other_count = other_size / unit;
  mutator__seed(seed);
  size_t first = mutator__draw((uint32_t)count + 1);
  size_t skipped = mutator__draw((uint32_t)other_count + 1);
  size_t second = other_count - skipped;
  if (first > out_size_max / unit) first = out_size_max / unit;
  if (second > out_size_max / unit - first)
    second = out_size_max / unit - first;
  memcpy(out, data, first * unit);
  memcpy(out + first * unit, other + skipped * unit, second * unit);
  return (first + second) * unit;
}
