/* SPDX-License-Identifier: MIT */
/*
 * The system around an input, as equal each time as it can be made: a network
 * of the process's own, where nothing but the loopback is and sockets buffer
 * little, and a clock that only the input moves. What an input leaves behind is
 * found here: descriptors, mapped memory, blocks.
 */
#ifndef FUZZ_ENVIRONMENT_H
#define FUZZ_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Once, before the first input; does nothing when called again. */
void environment_open(void);

/* Around each input. The end stops the process when anything is left. */
void environment_begin(void);
void environment_end(void);

/* Moves the library's clock. */
void environment_pass(uint32_t ms);

/* While it is set, the library is given no memory; clears what is below. */
void environment_shorten(bool is_short);

/* Whether it has asked in vain. */
bool environment_was_short(void);

/* While it is set, nobody in the process is given a descriptor. */
void environment_close_off(bool is_closed);

#endif /* FUZZ_ENVIRONMENT_H */
