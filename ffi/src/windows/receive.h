/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_RECEIVE_H
#define IOCP_WINDOWS_RECEIVE_H

#include "engine.h"

/* The packet of a receive was dequeued. */
void receive_completed(struct engine_receive* receive);

/* Posts a receive that could not be posted before. */
void receive_retry(struct socket* socket);

/* The connection was aborted: nothing more is received. */
void receive_abort(struct socket* socket, int32_t error, int32_t native);

/* Cancels each receive in flight, and no other operation of the handle. */
void receive_cancel(struct socket* socket);

#endif /* IOCP_WINDOWS_RECEIVE_H */
