/* SPDX-License-Identifier: MIT */
/*
 * Closing one socket, a state machine:
 *
 *   send the copies -> FIN -> discard data until the peer's FIN -> cancel the
 *   operations in flight -> wait for them -> close the handle -> IOCP_CLOSED
 *
 * A detach sends no FIN and discards nothing: at its end, what operations have
 * received is delivered, and the handle is returned.
 *
 * A datagram socket has neither FIN nor end: its copies are sent, and it is
 * closed.
 *
 * Each step is needed on some system: Windows resets a connection that is
 * closed with a receive pending (libuv #3034) and cuts a pending send off
 * (closesocket(), remarks), and both systems reset one that is closed with
 * unread data (RFC 2525, 2.17), which destroys what the peer has not read yet.
 */
#ifndef IOCP_CLOSE_H
#define IOCP_CLOSE_H

#include "batch.h"

/* iocp_close(), for any socket; `mode` is valid. */
int32_t close_socket(struct socket* socket, uint32_t mode, uint32_t timeout_ms);

/* Takes the steps that are possible now. */
void close_step(struct socket* socket);

/* The socket's timer has expired. */
void close_timed_out(struct socket* socket);

/* Resets a socket that the caller has not closed. Its pending operations and
 * IOCP_CLOSED have `error` as their result. */
void close_with_error(struct socket* socket, int32_t error);

/* The error of a call about a socket that is closing. The caller cannot know
 * yet that the library has closed it. */
int32_t close_error(const struct socket* socket);

/* Reports IOCP_CLOSED, unless the socket is unreported, and frees the socket.
 * The batch must not be full. */
void close_report(struct socket* socket, struct batch* batch);

/* ---- for close_all.c */

/* Starts to close an open socket. */
void close_begin(struct socket* socket, bool is_reset);

/* Skips the graceful part: cancels what is in flight. */
void close_reap(struct socket* socket);

/* Whether a send failed on a connection that may still work. */
bool close_has_failed_send(const struct socket* socket);

/* Closes the handle, for which the engine must be idle, and frees the slot
 * without a record. */
void close_now(struct socket* socket);

#endif /* IOCP_CLOSE_H */
