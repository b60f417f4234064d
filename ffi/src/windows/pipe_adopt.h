/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_PIPE_ADOPT_H
#define IOCP_WINDOWS_PIPE_ADOPT_H

#include "engine.h"

/* engine_adopt() for a handle that is not a socket. Returns -IOCP_ENOTSOCK
 * unless it is an end of a pipe. */
int32_t pipe_adopt(struct socket* socket, HANDLE handle, uint32_t flags);

#endif /* IOCP_WINDOWS_PIPE_ADOPT_H */
