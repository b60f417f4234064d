/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_CONNECT_H
#define IOCP_WINDOWS_CONNECT_H

#include "engine.h"

/* The packet of a connect was dequeued. */
void connect_completed(struct socket* socket);

#endif /* IOCP_WINDOWS_CONNECT_H */
