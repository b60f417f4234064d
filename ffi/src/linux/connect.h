/* SPDX-License-Identifier: MIT */
#ifndef IOCP_LINUX_CONNECT_H
#define IOCP_LINUX_CONNECT_H

#include "engine.h"

/* A connection that was under way has an answer. */
void connect_finish(struct socket* socket);

#endif /* IOCP_LINUX_CONNECT_H */
