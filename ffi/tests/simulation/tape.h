/* SPDX-License-Identifier: MIT */
/*
 * Every decision of a schedule is drawn from the tape, so one seed decides all
 * of it. What was drawn is kept, and a schedule can be played again with some
 * of its draws taken out or made plainer, which is how a failure is shrunk.
 *
 * So that this works, 0 must be the plainest choice everywhere: no fault, no
 * delay, the end of the schedule. Past the end of a tape all draws are 0.
 *
 * Only the thread that runs the schedule draws.
 */
#ifndef IOCP_TAPE_H
#define IOCP_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A schedule that draws more than this has gone astray; from there on its draws
 * are 0, which ends it. */
#define TAPE_DRAWS_MAX (1u << 20)

struct tape_draws {
  size_t count;
  uint32_t draws[TAPE_DRAWS_MAX];
};

/* Keeps what is drawn there, say in memory that outlives a crash. */
void tape_keep_in(struct tape_draws* draws);

/* Begins a tape that a generator fills as it is drawn from. */
void tape_seed(uint64_t seed);

/* Plays `count` draws, which stay the caller's, and then zeros. */
void tape_play(const uint32_t* draws, size_t count);

/* Plays the bytes of a fuzzer, and then zeros. They stay the caller's. */
void tape_play_bytes(const uint8_t* bytes, size_t size);

/* 0 .. count - 1. */
uint32_t tape_choose(uint32_t count);

/* min .. max; min is the plainest. */
uint32_t tape_between(uint32_t min, uint32_t max);

/* True in `per_mille` of 1,000 cases; false is the plainest. */
bool tape_chance(uint32_t per_mille);

/* What has been drawn since the tape began. */
const uint32_t* tape_draws(size_t* count_out);

#endif /* IOCP_TAPE_H */
