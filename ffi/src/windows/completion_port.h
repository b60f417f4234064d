/* SPDX-License-Identifier: MIT */
/* What the files of the Windows engine share about operations in flight. */
#ifndef IOCP_WINDOWS_COMPLETION_PORT_H
#define IOCP_WINDOWS_COMPLETION_PORT_H

#include "engine.h"

/* What became of an operation that was posted. */
enum op_start {
  OP_COMPLETED, /* at once, and no packet follows */
  OP_IN_FLIGHT, /* its packet will follow */
  OP_REFUSED    /* nothing was posted; WSAGetLastError() says why */
};

/* Makes an operation ready to be posted. */
void op_prepare(struct engine_op* op, enum engine_op_kind kind);

/* To be called right after the call that posts it, with its success. */
enum op_start op_started(struct socket* socket,
                         struct engine_op* op,
                         bool has_succeeded);

/* A completed operation's status, and how many bytes it moved. */
LONG op_status(const struct engine_op* op);
uint32_t op_bytes(const struct engine_op* op);

/* True when posting failed for want of memory only. */
bool op_may_be_retried(DWORD native);

/* Has the socket's receive or send posted again after a while. */
void completion_port_retry(struct socket* socket, enum engine_op_kind kind);

/* Takes that back. */
void completion_port_forget(struct socket* socket);

#endif /* IOCP_WINDOWS_COMPLETION_PORT_H */
