/* SPDX-License-Identifier: MIT */
/* The two ends of a socket: their addresses, and the process of the peer. */
#ifndef IOCP_ENDPOINT_H
#define IOCP_ENDPOINT_H

#include "socket.h"

/* An address of any family. */
union endpoint {
  struct iocp_address ip;
  struct iocp_path path;
};

/* Writes the address of one end, IOCP_LOCAL or IOCP_PEER, of a socket with a
 * handle. Returns its size or an error. Queries the system only for an address
 * that is not known yet. */
int32_t endpoint_address(struct socket* socket,
                         uint32_t end,
                         union endpoint* address_out);

/* Writes the process at the other end of a local connection. */
int32_t endpoint_peer(struct socket* socket, struct iocp_peer* peer_out);

#endif /* IOCP_ENDPOINT_H */
