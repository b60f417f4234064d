/* SPDX-License-Identifier: MIT */
/*
 * Every decision of a schedule is drawn from the tape, so one seed decides all
 * of it. Draws are recorded. To shrink a failure, a schedule is played again
 * with some of its draws removed or lowered.
 *
 * For this, 0 must be the plainest choice everywhere: no fault, no delay, the
 * end of the schedule. Past the end of a tape all draws are 0.
 *
 * Only the thread that runs the schedule draws.
 */
#ifndef IOCP_TAPE_H
#define IOCP_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A schedule with more draws does not end by itself; all further draws are 0,
 * which ends it. */
#define TAPE_DRAWS_MAX (1u << 20)

struct tape_draws {
  size_t count;
  uint32_t draws[TAPE_DRAWS_MAX];
};

/* Where draws are recorded, such as in memory that outlives a crash. */
void tape_record_in(struct tape_draws* draws);

/* Begins a tape whose draws are random numbers from `seed`. */
void tape_seed(uint64_t seed);

/* Plays `count` draws, which the caller owns, and then zeros. */
void tape_play(const uint32_t* draws, size_t count);

/* Plays the bytes of a fuzzer, which the caller owns, and then zeros. */
void tape_play_bytes(const uint8_t* bytes, size_t size);

/* 0 .. count - 1. */
uint32_t tape_choose(uint32_t count);

/* min .. max; min is the plainest. */
uint32_t tape_between(uint32_t min, uint32_t max);

/* True in `per_mille` of 1,000 cases; false is the plainest. */
bool tape_chance(uint32_t per_mille);

/* A number that two schedules have in common only if they have drawn the same
 * and come to the same results; see tape_note(). */
uint64_t tape_digest(void);

/* Something has come of the draws so far, which they alone decide. */
void tape_note(uint32_t result);

/* The draws since the tape began. */
const uint32_t* tape_draws(size_t* count_out);

#endif /* IOCP_TAPE_H */
