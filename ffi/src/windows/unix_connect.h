/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_UNIX_CONNECT_H
#define IOCP_WINDOWS_UNIX_CONNECT_H

#include "engine.h"

/* engine_connect_path() for a unix socket. */
int32_t unix_connect(struct socket* socket);

#endif /* IOCP_WINDOWS_UNIX_CONNECT_H */
