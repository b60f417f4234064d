/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_PIPE_LISTEN_H
#define IOCP_WINDOWS_PIPE_LISTEN_H

#include "engine.h"

/* engine_listen_path() for a pipe. */
int32_t pipe_listen(struct socket* socket, const struct path_access* access);

#endif /* IOCP_WINDOWS_PIPE_LISTEN_H */
