/* SPDX-License-Identifier: MIT */
#ifndef IOCP_POSIX_CONNECT_H
#define IOCP_POSIX_CONNECT_H

#include "engine.h"

/* The result of a connect is known. */
void connect_finish(struct socket* socket);

#endif /* IOCP_POSIX_CONNECT_H */
