/* SPDX-License-Identifier: MIT */
/*
 * Every function of the library, called with good arguments but for the names:
 * each must refuse with the expected error and touch nothing.
 */
#ifndef TESTS_EVERY_CALL_H
#define TESTS_EVERY_CALL_H

#include <stdint.h>

/* All that name a socket. */
void every_socket_call(int32_t port, int32_t socket, int32_t expected);

/* All that name a port, those with a socket too, but for iocp_wait() and
 * iocp_wake(), which have rules of their own. */
void every_port_call(int32_t port, int32_t socket, int32_t expected);

#endif /* TESTS_EVERY_CALL_H */
