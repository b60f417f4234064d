/* SPDX-License-Identifier: MIT */
/* Socket handles: made, entered into a port, closed. */
#ifndef IOCP_WINDOWS_HANDLE_H
#define IOCP_WINDOWS_HANDLE_H

#include "engine.h"

/* A new TCP handle, or INVALID_SOCKET with WSAGetLastError(). */
SOCKET handle_new(unsigned family);

/* Associates `handle`, which is_ifs or not (winsock.h), with the socket's port,
 * and makes it the socket's. On failure it stays the caller's. */
int32_t handle_enter(struct socket* socket, SOCKET handle, bool is_ifs);

/* Has small sends leave at once; a connection that has ended refuses. */
void handle_set_no_delay(SOCKET handle);

/* Ends a connection with an RST, in the middle of its life: what is in flight
 * ends, and from here on the socket has no handle. A pending receive fails with
 * the error. */
void handle_abort(struct socket* socket, int32_t error, int32_t native);

/* Finds out, of a handle that others may have had before, which is_ifs or not,
 * whether a success at once leaves no packet. That cannot be undone, so the
 * socket goes by it. */
void handle_ask_modes(struct socket* socket, SOCKET handle, bool is_ifs);

/* The code for a call on the socket's handle that has just failed. One that was
 * aborted has no handle, and is no connection any more. */
int32_t handle_fail(struct socket* socket);

/* Makes a close an RST, or a FIN again. False: the system refuses. */
bool handle_set_reset(SOCKET handle, bool is_reset);

#endif /* IOCP_WINDOWS_HANDLE_H */
