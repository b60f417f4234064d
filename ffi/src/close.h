/* SPDX-License-Identifier: MIT */
/*
 * Closing, a state machine:
 *
 *   drain what is kept -> FIN -> discard until the peer's FIN -> cancel what is
 *   in flight -> wait for it -> close the handle -> IOCP_CLOSED
 *
 * A detach says no FIN and discards nothing: at its end, what operations have
 * received is told, and the handle is given back.
 *
 * Each arrow matters to some system: Windows resets a connection that is closed
 * with a receive pending and cuts a pending send, and both systems reset one
 * that is closed with data unread, which destroys what the peer has not read.
 */
#ifndef IOCP_CLOSE_H
#define IOCP_CLOSE_H

#include "batch.h"

/* Takes the steps that can be taken now. */
void close_step(struct socket* socket);

void close_timed_out(struct socket* socket);

/* Resets a socket without having been asked: `error` is why, and what its
 * pending operations and IOCP_CLOSED tell. */
void close_by_itself(struct socket* socket, int32_t error);

/* Tells IOCP_CLOSED, for which there must be room, and frees the socket. */
void close_tell(struct socket* socket, struct batch* batch);

/* Closes every socket of the port that is in the group, which may be GROUP_ANY,
 * and waits for the kernel to let go. One that it does not let go of in time is
 * not reported any more, in no group, and closed by later polls. */
void close_all(struct port* port, uint32_t group);

#endif /* IOCP_CLOSE_H */
