/* SPDX-License-Identifier: MIT */
/* Sockets whose operation could not be posted because memory was short. */
#ifndef IOCP_WINDOWS_RETRY_H
#define IOCP_WINDOWS_RETRY_H

#include "engine.h"

/* The pause before an operation is posted again. */
#define RETRY_MS 20

/* Schedules another attempt for the socket's receive or sends. */
void retry_later(struct socket* socket, enum engine_op_kind kind);

/* Cancels it. */
void retry_cancel(struct socket* socket);

/* When the next attempt is due, in milliseconds; -1: none is. */
int32_t retry_next_ms(struct port* port);

/* Moves the sockets whose attempt is due to `todo`. */
void retry_collect(struct port* port, struct list_node* todo);

#endif /* IOCP_WINDOWS_RETRY_H */
