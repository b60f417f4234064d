/* SPDX-License-Identifier: MIT */
/* A second thread, which makes calls while this one waits for it, so that they
 * have one order. Only its iocp_wait() may run concurrently. */
#ifndef FUZZ_HELPER_H
#define FUZZ_HELPER_H

#include <stdbool.h>
#include <stdint.h>

/* Starts it, unless it is running. */
void helper_open(void);

/* Runs the function there, and returns afterwards. */
void helper_call(void (*run)(void* argument), void* argument);

/* Starts iocp_wait() there, without a timeout. It must not be waiting
 * already. */
void helper_wait(int32_t port);

/* The port that it waits for, or -1. */
int32_t helper_waits_for(void);

/* Ends the wait, if there is one, and checks its result. */
void helper_wake(void);

/* Runs the function on a new thread, which then ends. */
void helper_run_once(void* (*run)(void* argument), void* argument);

#endif /* FUZZ_HELPER_H */
