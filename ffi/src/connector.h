/* SPDX-License-Identifier: MIT */
/* Making connections, and adopting those made elsewhere. */
#ifndef IOCP_CONNECTOR_H
#define IOCP_CONNECTOR_H

#include "socket.h"

/* The engine calls this once for each engine_connect() that returned >= 0. */
void connector_done(struct socket* socket, int32_t error, int32_t native);

#endif /* IOCP_CONNECTOR_H */
