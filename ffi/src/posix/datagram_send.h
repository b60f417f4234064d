/* SPDX-License-Identifier: MIT */
/* Sending datagrams. The folder of each system implements it. */
#ifndef IOCP_POSIX_DATAGRAM_SEND_H
#define IOCP_POSIX_DATAGRAM_SEND_H

#include "socket.h"

/* engine_send_copies() for a datagram socket. */
void datagram_send_copies(struct socket* socket);

#endif /* IOCP_POSIX_DATAGRAM_SEND_H */
