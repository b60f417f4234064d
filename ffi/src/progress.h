/* SPDX-License-Identifier: MIT */
/*
 * Whether a peer receives what is sent to it. The completions of send copies
 * say little about that: a pending send of Windows completes only when the
 * transport has consumed all of it (WSASend(), remarks), and Linux signals room
 * in its buffer only when a third of it is free. A slow peer may need minutes
 * for either. So the system is asked how much the peer has acknowledged.
 */
#ifndef IOCP_PROGRESS_H
#define IOCP_PROGRESS_H

#include <stdbool.h>

#include "socket.h"

/* True at the first call, and when the peer has acknowledged at least 64 bytes
 * since the last call that returned true. False as well where the system does
 * not report acknowledgments. */
bool progress_made(struct socket* socket);

/* For a close that waits for the peer: restarts its `close_timeout_ms`, and the
 * socket's timer. */
void progress_expect(struct socket* socket);

/* The timer has expired. Returns false when the peer has made no progress in
 * the whole time. */
bool progress_continues(struct socket* socket);

#endif /* IOCP_PROGRESS_H */
