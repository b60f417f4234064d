/* SPDX-License-Identifier: MIT */
/* Addresses of datagrams, which are all of UDP. */
#ifndef IOCP_WINDOWS_DATAGRAM_ADDRESS_H
#define IOCP_WINDOWS_DATAGRAM_ADDRESS_H

#include "engine.h"

/* Where the socket sends a datagram with that header. Returns the length of the
 * address, 0 for the connected peer, or -IOCP_E... */
int32_t datagram_address_to_system(const struct socket* socket,
                                   const struct iocp_datagram* header,
                                   SOCKADDR_STORAGE* system_out);

#endif /* IOCP_WINDOWS_DATAGRAM_ADDRESS_H */
