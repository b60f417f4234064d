/* SPDX-License-Identifier: MIT */
/* Accepting connections. */
#ifndef IOCP_LISTENER_H
#define IOCP_LISTENER_H

#include "batch.h"

/* Tells the connections that have come. Returns true when READY_ACCEPT is to
 * stay: there may be more. */
bool listener_deliver(struct socket* listener, struct batch* batch);

/* Tells a connection whose peer has said something at last. Returns true when
 * READY_RECEIVE is to stay: there was no room. */
bool listener_deliver_deferred(struct socket* socket, struct batch* batch);

/* The engine calls this: an accept could not be made or posted. It is told
 * once, and tried again after a while until it works. */
void listener_failed(struct socket* listener, int32_t error, int32_t native);

/* The listener's timer has run out. */
void listener_timed(struct socket* listener);

/* To be called after a change of what the timer is for. */
void listener_arm(struct socket* listener);

/* A connection of some listener was given up for having said nothing. */
void listener_met_silence(struct socket* socket);

#endif /* IOCP_LISTENER_H */
