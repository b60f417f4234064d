/* SPDX-License-Identifier: MIT */
/* Making connections. */
#ifndef IOCP_CONNECTOR_H
#define IOCP_CONNECTOR_H

#include "socket.h"

/* Returns the id of a connecting socket or -IOCP_E...; `local` may be NULL. */
int32_t connector_start(struct port* port,
                        const struct iocp_address* remote,
                        const struct iocp_address* local);

/* The same for a local socket. */
int32_t connector_start_path(struct port* port, const struct iocp_path* name);

/* The timer of a SOCKET_CONNECTING has expired. */
void connector_timed_out(struct socket* socket);

/* Called by the engine, once for each engine_connect() that returned >= 0. */
void connector_done(struct socket* socket, int32_t error, int32_t native);

#endif /* IOCP_CONNECTOR_H */
