/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_CONNECT_H
#define IOCP_WINDOWS_CONNECT_H

#include "engine.h"

/* The packet of a connect was dequeued. */
void connect_completed(struct socket* socket);

/* Starts to connect a handle that is bound and on the port. On failure the
 * caller closes it. */
int32_t connect_start(struct socket* socket,
                      LPFN_CONNECTEX connect_ex,
                      const SOCKADDR* system,
                      int length);

#endif /* IOCP_WINDOWS_CONNECT_H */
