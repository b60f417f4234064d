/* SPDX-License-Identifier: MIT */
/*
 * The receives of a socket, in the order in which they were posted. The kernel
 * fills them in that order, but their packets may come in another one
 * (WSARecv()'s documentation), so their data is consumed from the front of this
 * list:
 *
 *   consumed | completed | in flight, or completed early | newest
 *            first -------------------------------------> last
 */
#ifndef IOCP_WINDOWS_RECEIVE_LIST_H
#define IOCP_WINDOWS_RECEIVE_LIST_H

#include "engine.h"

void receive_list_open(struct socket* socket);

/* The oldest receive, or NULL. */
struct engine_receive* receive_list_first(const struct socket* socket);

/* Adds a receive of `size` bytes behind the others; NULL: out of memory. The
 * zero-byte receive (0) is part of the socket. */
struct engine_receive* receive_list_add(struct socket* socket, uint32_t size);

/* It has received `bytes`. */
void receive_list_complete(struct engine_receive* receive, uint32_t bytes);

/* Removes and frees it. */
void receive_list_remove(struct engine_receive* receive);

/* Bytes that a receive may still deliver. */
uint32_t receive_list_left(const struct engine_receive* receive);

/* Moves completed data into the buffer. Returns the number of bytes. Sets
 * `was_filled_out` unless the last receive had room left: then the kernel may
 * have more. */
uint32_t receive_list_consume(struct socket* socket,
                              uint8_t* buffer,
                              uint32_t length,
                              bool* was_filled_out);

/* Bytes in the buffers of receives in flight, and in those of completed ones.
 */
uint32_t receive_list_posted(const struct socket* socket);
uint32_t receive_list_waiting(const struct socket* socket);

/* Adds data that came with the connection. Returns false when out of memory. */
bool receive_list_preload(struct socket* socket,
                          const uint8_t* bytes,
                          uint32_t length);

/* Frees the data that was not consumed. Nothing is in flight. */
void receive_list_discard(struct socket* socket);

#endif /* IOCP_WINDOWS_RECEIVE_LIST_H */
