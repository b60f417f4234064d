/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_DATAGRAM_SEND_H
#define IOCP_WINDOWS_DATAGRAM_SEND_H

#include "send_copy.h"

/* engine_send_copies() for a datagram socket. */
void datagram_send_copies(struct socket* socket);

/* The packet of a send was dequeued. */
void datagram_send_completed(struct send_copy* copy);

#endif /* IOCP_WINDOWS_DATAGRAM_SEND_H */
