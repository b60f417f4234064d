/* SPDX-License-Identifier: MIT */
/* Handles of sockets: making them, and adding them to a port. */
#ifndef IOCP_WINDOWS_HANDLE_H
#define IOCP_WINDOWS_HANDLE_H

#include "engine.h"

/* A new handle of a stream socket, or INVALID_SOCKET with WSAGetLastError(). */
SOCKET handle_new(unsigned family);

/* The code for its failure, of a unix socket. */
int32_t handle_fail_unix(struct port* port);

/* Associates `handle` with the socket's port and makes it the socket's; for
 * `is_ifs` see winsock_is_ifs(). On failure the caller keeps the handle. */
int32_t handle_enter(struct socket* socket, SOCKET handle, bool is_ifs);

/* False if the number is no handle. */
bool handle_of_number(double number, SOCKET* handle_out);

/* Sets TCP_NODELAY; it fails when the connection has ended. */
void handle_set_no_delay(SOCKET handle);

/* Resets an open connection and closes its handle. Operations in flight end,
 * and a pending receive fails with the error. */
void handle_abort(struct socket* socket, int32_t error, int32_t native);

/* Finds out whether a handle that had other owners skips the packet of a
 * success at once. That cannot be undone, so the socket adapts to it. */
void handle_query_modes(struct socket* socket, SOCKET handle, bool is_ifs);

/* The code for a failed call on the socket's handle. A socket that was aborted
 * has no handle, and is not connected. */
int32_t handle_fail(struct socket* socket);

/* Makes a close send an RST, or a FIN again. Returns false on failure. */
bool handle_set_reset(SOCKET handle, bool is_reset);

#endif /* IOCP_WINDOWS_HANDLE_H */
