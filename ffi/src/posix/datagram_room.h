/* SPDX-License-Identifier: MIT */
/* When a datagram socket whose send found no room can send again. The folder of
 * each system implements it. */
#ifndef IOCP_POSIX_DATAGRAM_ROOM_H
#define IOCP_POSIX_DATAGRAM_ROOM_H

#include "socket.h"

/* There was no room for the socket's oldest copy: makes sure that the queue
 * reports it when there is, if the system can report it. */
void datagram_room_await(struct socket* socket);

/* The socket has no copies any more, or is being closed. */
void datagram_room_ignore(struct socket* socket);

#endif /* IOCP_POSIX_DATAGRAM_ROOM_H */
