/* SPDX-License-Identifier: MIT */
/*
 * Whether a peer takes what is sent to it. That the library's own copies leave
 * says little about it: a send that is pending on Windows completes when the
 * peer has all of it, and Linux tells of room in its buffer when a third of
 * that is free, which a slow peer may need minutes for. So the system is asked
 * how much the peer has acknowledged.
 */
#ifndef IOCP_PROGRESS_H
#define IOCP_PROGRESS_H

#include <stdbool.h>

#include "socket.h"

/* True when the peer has acknowledged bytes since this was asked the last time
 * with that answer, and when it is asked for the first time. False also where
 * the system does not say it. */
bool progress_made(struct socket* socket);

/* Of a close that waits for the peer: it has `close_timeout_ms` from now on to
 * take something. The socket's timer runs. */
void progress_expect(struct socket* socket);

/* The timer has run out. False: the peer has taken nothing in all its time. */
bool progress_goes_on(struct socket* socket);

#endif /* IOCP_PROGRESS_H */
