/* SPDX-License-Identifier: MIT */
/* Sockets whose operation could not be posted for want of memory. */
#ifndef IOCP_WINDOWS_RETRY_H
#define IOCP_WINDOWS_RETRY_H

#include "engine.h"

/* The pause before an operation is posted again. */
#define RETRY_MS 20

/* Has the socket's receive or send posted again after a while. */
void retry_later(struct socket* socket, enum engine_op_kind kind);

/* Takes that back. */
void retry_forget(struct socket* socket);

/* Moves the sockets whose while has passed to `todo`. */
void retry_take(struct port* port, struct list_node* todo);

#endif /* IOCP_WINDOWS_RETRY_H */
