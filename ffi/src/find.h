/* SPDX-License-Identifier: MIT */
/* Finding the socket of a call by its ids. Each function returns NULL and the
 * error when there is none. */
#ifndef IOCP_FIND_H
#define IOCP_FIND_H

#include "socket.h"

/* Any socket that was reported. */
struct socket* find_socket(int32_t port_id, int32_t socket_id, int32_t* error);

/* One that is not closing, so that it has a handle. */
struct socket* find_open(int32_t port_id, int32_t socket_id, int32_t* error);

/* One that is a connected stream. */
struct socket* find_stream(int32_t port_id, int32_t socket_id, int32_t* error);

/* One of datagrams. */
struct socket* find_datagram(int32_t port_id,
                             int32_t socket_id,
                             int32_t* error);

/* One that can receive: either of these. */
struct socket* find_receiver(int32_t port_id,
                             int32_t socket_id,
                             int32_t* error);

#endif /* IOCP_FIND_H */
