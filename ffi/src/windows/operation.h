/* SPDX-License-Identifier: MIT */
/* Overlapped operations, from the call that posts one to its packet. */
#ifndef IOCP_WINDOWS_OPERATION_H
#define IOCP_WINDOWS_OPERATION_H

#include "engine.h"

/* The outcome of posting an operation. */
enum op_start {
  OP_COMPLETED, /* at once; no packet follows */
  OP_IN_FLIGHT, /* its packet will follow */
  OP_REFUSED    /* nothing was posted; the error is in WSAGetLastError() */
};

/* Prepares an operation to be posted. It fails only for sockets with `relays`:
 * then nothing may be posted, and the error is in WSAGetLastError(). */
bool op_prepare(struct socket* socket,
                struct engine_op* op,
                enum engine_op_kind kind);

/* For use right after the call that posts it, with its result. */
enum op_start op_started(struct socket* socket,
                         struct engine_op* op,
                         bool has_succeeded);

/* Its packet was dequeued. */
void op_reap(struct port* port, struct engine_op* op);

/* The status of a completed operation, and the bytes that it moved. */
LONG op_status(const struct engine_op* op);
uint32_t op_bytes(const struct engine_op* op);

/* True when posting failed only because memory was short. */
bool op_may_be_retried(DWORD native);

#endif /* IOCP_WINDOWS_OPERATION_H */
