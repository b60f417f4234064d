/* SPDX-License-Identifier: MIT */
/*
 * The bytes that are sent: a stream that repeats after a prime number of bytes,
 * so that no multiple of a message's length comes out even. Where a part of a
 * stream was lost, repeated or exchanged, the rest does not fit any more.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdint.h>

#define PATTERN_PERIOD 65521
/* Bytes that can be had in one piece. */
#define PATTERN_PIECE 262144

/* To be called once, before the others. */
void pattern_fill(void);

/* PATTERN_PIECE bytes from that position of the stream on. */
const uint8_t* pattern_at(uint64_t position);

#endif /* PATTERN_H */
