/* SPDX-License-Identifier: MIT */
/* The end of a process. */
#ifndef TESTS_EXIT_H
#define TESTS_EXIT_H

#include <stdint.h>

/* Runs this program once more, with this argument alone, to its end. Returns
 * its exit code, or -1 when it was terminated since it did not end. */
int32_t exit_code_of(const char* argument);

/* From here on no thread of the system's pool returns from the library, after
 * it has posted a packet: as if it got no processor any more. Does nothing on a
 * system without such threads. */
void exit_hold_pool(void);

/* Waits until one is held. */
void exit_await_held(void);

#endif /* TESTS_EXIT_H */
