/* SPDX-License-Identifier: MIT */
/* The two addresses of a socket. */
#ifndef IOCP_ENDPOINT_H
#define IOCP_ENDPOINT_H

#include "socket.h"

/* Writes the address of one end, IOCP_LOCAL or IOCP_PEER, of a socket with a
 * handle. Queries the system only for an address that is not known yet. */
int32_t endpoint_address(struct socket* socket,
                         uint32_t end,
                         struct iocp_address* address_out);

#endif /* IOCP_ENDPOINT_H */
