/* SPDX-License-Identifier: MIT */
/*
 * The first-byte timeout: an accepted connection whose peer sends nothing
 * before the timer expires is reset.
 */
#ifndef IOCP_FIRST_BYTE_H
#define IOCP_FIRST_BYTE_H

#include "socket.h"

/* Starts the timer; `timeout_ms` 0 means no limit. */
void first_byte_expect(struct socket* socket, uint32_t timeout_ms);

/* The peer has sent data or its end. */
void first_byte_arrived(struct socket* socket);

/* The timer has expired. Returns true when the peer has sent nothing, so that
 * the connection is to be reset. */
bool first_byte_is_missing(struct socket* socket);

#endif /* IOCP_FIRST_BYTE_H */
