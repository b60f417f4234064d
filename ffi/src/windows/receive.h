/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_RECEIVE_H
#define IOCP_WINDOWS_RECEIVE_H

#include "engine.h"

/* Makes the socket ready to receive. */
void receive_open(struct socket* socket);

/* The receive is the kernel's no longer. */
void receive_completed(struct engine_receive* receive);

/* Posts a receive that could not be posted before. */
void receive_retry(struct socket* socket);

/* Nothing is received any more, for the connection was aborted. */
void receive_abort(struct socket* socket, int32_t error, int32_t native);

/* Cancels each receive that is in flight, and nothing else of the handle's. */
void receive_cancel(struct socket* socket);

/* Takes over bytes that came with the connection. False: out of memory. */
bool receive_preload(struct socket* socket,
                     const uint8_t* bytes,
                     uint32_t length);

/* How many bytes the buffers in the kernel's hands have. */
uint32_t receive_posted(const struct socket* socket);

/* How many bytes have been received and wait to be taken. */
uint32_t receive_waiting(const struct socket* socket);

/* Frees what has come and was not taken. None is in flight. */
void receive_forget(struct socket* socket);

#endif /* IOCP_WINDOWS_RECEIVE_H */
