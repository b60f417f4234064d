/* SPDX-License-Identifier: MIT */
/* The other thread, which makes calls while this one waits for it, so that they
 * come in one order. Only a wait of its may go on beside. */
#ifndef FUZZ_HELPER_H
#define FUZZ_HELPER_H

#include <stdbool.h>
#include <stdint.h>

/* Starts it when it does not run yet. */
void helper_open(void);

/* Runs it there, and returns when it has run. */
void helper_call(void (*run)(void* argument), void* argument);

/* Has it begin iocp_wait() without a limit. Only when it waits for none. */
void helper_wait(int32_t port);

/* The port that it waits for, or -1. */
int32_t helper_waits_for(void);

/* Ends the wait, if one runs, and checks its result. */
void helper_wake(void);

/* Runs it on a thread that ends then. */
void helper_run_once(void* (*run)(void* argument), void* argument);

#endif /* FUZZ_HELPER_H */
