/* SPDX-License-Identifier: MIT */
/*
 * Peers that connect and say nothing. A connection that was accepted has until
 * its timer runs out to say its first byte, or is reset.
 */
#ifndef IOCP_SILENCE_H
#define IOCP_SILENCE_H

#include "socket.h"

/* The connection has `timeout_ms` from now; 0: for ever. */
void silence_expect_end(struct socket* socket, uint32_t timeout_ms);

/* It has said something, or its end. */
void silence_broken(struct socket* socket);

/* The time is over. Returns true when the peer has said something after all;
 * else it is to be given up. */
bool silence_is_over(struct socket* socket);

#endif /* IOCP_SILENCE_H */
