/* SPDX-License-Identifier: MIT */
/*
 * Writing to a pipe. The system accepts a write when the reader has made room
 * for all of it ("the write operation will block until the data is read",
 * CreateNamedPipe(), remarks), so every write is made from a send copy.
 *
 * One write is in flight at a time, of a part of a copy: the parts show that
 * the reader makes progress, and the order needs no care.
 */
#ifndef IOCP_WINDOWS_PIPE_SEND_H
#define IOCP_WINDOWS_PIPE_SEND_H

#include "send_copy.h"

/* engine_send_copies() for a pipe. */
void pipe_send_copies(struct socket* socket);

/* The packet of a write was dequeued. */
void pipe_send_completed(struct send_copy* copy);

#endif /* IOCP_WINDOWS_PIPE_SEND_H */
