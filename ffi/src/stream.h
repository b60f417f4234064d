/* SPDX-License-Identifier: MIT */
/* Moving the bytes of a connected stream. */
#ifndef IOCP_STREAM_H
#define IOCP_STREAM_H

#include "batch.h"

struct kept;

/* Tells what has arrived. Returns true when READY_RECEIVE is to stay: there may
 * be more to take, or the slab has no room. */
bool stream_deliver(struct socket* socket, struct batch* batch);

/* Tells the sends that are done. Returns true when READY_SENT is to stay. */
bool stream_tell_sent(struct socket* socket, struct batch* batch);

/* The engine calls these: some bytes of a copy have left; all have (0), or the
 * rest never will (an error). */
void stream_kept_moved(struct kept* kept, uint32_t bytes);
void stream_kept_done(struct kept* kept, int32_t error, int32_t native);

/* Every pending result of a socket that closes becomes `error`. The kernel
 * holds nothing of it any more. */
void stream_abandon(struct socket* socket, int32_t error);

#endif /* IOCP_STREAM_H */
