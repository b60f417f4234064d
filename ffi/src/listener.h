/* SPDX-License-Identifier: MIT */
/* Accepting connections. */
#ifndef IOCP_LISTENER_H
#define IOCP_LISTENER_H

#include "batch.h"

/* Tells the connections that have come. Returns true when READY_ACCEPT is to
 * stay: there may be more. */
bool listener_deliver(struct socket* listener, struct batch* batch);

/* The engine calls this: an accept could not be made or posted. It is told
 * once, and tried again after a while until it works. */
void listener_failed(struct socket* listener, int32_t error, int32_t native);

/* The while has passed. */
void listener_retry(struct socket* listener);

#endif /* IOCP_LISTENER_H */
