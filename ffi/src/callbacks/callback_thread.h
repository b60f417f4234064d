/* SPDX-License-Identifier: MIT */
#ifndef IOCP_CALLBACK_THREAD_H
#define IOCP_CALLBACK_THREAD_H

#include "callbacks.h"

/* Runs a completion thread; `argument` is its struct callback_thread. */
thread_main callback_thread_main;

#endif /* IOCP_CALLBACK_THREAD_H */
