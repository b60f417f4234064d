/* SPDX-License-Identifier: MIT */
/*
 * Closing, a state machine:
 *
 *   drain what is kept -> FIN -> discard until the peer's FIN -> cancel what is
 *   in flight -> wait for it -> close the handle -> IOCP_CLOSED
 *
 * Each arrow matters to some system: Windows resets a connection that is closed
 * with a receive pending and cuts a pending send, and both systems reset one
 * that is closed with data unread, which destroys what the peer has not read.
 */
#ifndef IOCP_CLOSE_H
#define IOCP_CLOSE_H

#include "socket.h"

/* Takes the steps that can be taken now. */
void close_step(struct socket* socket);

void close_timed_out(struct socket* socket);

/* Closes every socket of the port and waits for the kernel to let go. */
void close_all(struct port* port);

#endif /* IOCP_CLOSE_H */
