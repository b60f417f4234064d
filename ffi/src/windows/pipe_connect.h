/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_PIPE_CONNECT_H
#define IOCP_WINDOWS_PIPE_CONNECT_H

#include "engine.h"

/* engine_connect_path() for a pipe. */
int32_t pipe_connect(struct socket* socket);

#endif /* IOCP_WINDOWS_PIPE_CONNECT_H */
