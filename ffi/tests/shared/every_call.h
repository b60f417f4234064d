/* SPDX-License-Identifier: MIT */
/*
 * Calls every function with good arguments, except for the ids. Each must
 * return the expected error and have no effect.
 */
#ifndef TESTS_EVERY_CALL_H
#define TESTS_EVERY_CALL_H

#include <stdint.h>

/* All functions of a socket. */
void every_socket_call(int32_t port, int32_t socket, int32_t expected);

/* All functions of a port or a socket, except iocp_wait() and iocp_wake(),
 * which have other rules. */
void every_port_call(int32_t port, int32_t socket, int32_t expected);

#endif /* TESTS_EVERY_CALL_H */
