/* SPDX-License-Identifier: MIT */
/* Overlapped operations: from the call that posts one to its packet. */
#ifndef IOCP_WINDOWS_OPERATION_H
#define IOCP_WINDOWS_OPERATION_H

#include "engine.h"

/* What became of an operation that was posted. */
enum op_start {
  OP_COMPLETED, /* at once, and no packet follows */
  OP_IN_FLIGHT, /* its packet will follow */
  OP_REFUSED    /* nothing was posted; WSAGetLastError() says why */
};

/* Makes an operation ready to be posted. On failure nothing may be posted, and
 * WSAGetLastError() says why. */
bool op_prepare(struct socket* socket,
                struct engine_op* op,
                enum engine_op_kind kind);

/* To be called right after the call that posts it, with its success. */
enum op_start op_started(struct socket* socket,
                         struct engine_op* op,
                         bool has_succeeded);

/* Its packet was dequeued. Returns false for one that was not expected. */
bool op_reap(struct port* port, struct engine_op* op);

/* A completed operation's status, and how many bytes it moved. */
LONG op_status(const struct engine_op* op);
uint32_t op_bytes(const struct engine_op* op);

/* True when posting failed for want of memory only. */
bool op_may_be_retried(DWORD native);

#endif /* IOCP_WINDOWS_OPERATION_H */
