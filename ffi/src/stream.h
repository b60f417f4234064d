/* SPDX-License-Identifier: MIT */
/* Moving the bytes of a connected stream. */
#ifndef IOCP_STREAM_H
#define IOCP_STREAM_H

#include "batch.h"

/* Tells what has arrived. Returns true when READY_RECEIVE is to stay: there may
 * be more to take, or the slab has no room. */
bool stream_deliver(struct socket* socket, struct batch* batch);

/* The engine calls these: some of the kept bytes have left; all have (0), or
 * the rest never will (an error). */
void stream_kept_moved(struct socket* socket, uint32_t bytes);
void stream_kept_done(struct socket* socket, int32_t error, int32_t native);

/* Every pending result of a socket that closes becomes `error`. The kernel
 * holds nothing of it any more. */
void stream_abandon(struct socket* socket, int32_t error);

#endif /* IOCP_STREAM_H */
