/* SPDX-License-Identifier: MIT */
/* Reading from a pipe: what receive.c does with Winsock for other sockets. */
#ifndef IOCP_WINDOWS_PIPE_RECEIVE_H
#define IOCP_WINDOWS_PIPE_RECEIVE_H

#include "engine.h"

/* Posts a receive. For op_started(). */
bool pipe_receive_post(struct engine_receive* receive, void* buffer);

/* What a read that has failed with this status or error means: 0 for the end of
 * the stream, or -IOCP_E... */
int32_t pipe_receive_status(LONG status);
int32_t pipe_receive_error(DWORD native);

/* Bytes that a read would return without waiting; 0 without a handle. The end
 * and errors count as one, since a read would return them. -1: the system
 * cannot be asked. */
int32_t pipe_receive_available(const struct socket* socket);

#endif /* IOCP_WINDOWS_PIPE_RECEIVE_H */
