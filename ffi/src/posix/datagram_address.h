/* SPDX-License-Identifier: MIT */
/* Addresses of datagrams: an IP address, or the name of a unix socket. */
#ifndef IOCP_POSIX_DATAGRAM_ADDRESS_H
#define IOCP_POSIX_DATAGRAM_ADDRESS_H

#include <sys/socket.h>

#include "engine.h"

/* Where the socket sends a datagram with that header. Returns the length of the
 * address, 0 for the connected peer, or -IOCP_E... */
int32_t datagram_address_to_system(const struct socket* socket,
                                   const struct iocp_datagram* header,
                                   const void* path,
                                   struct sockaddr_storage* system_out);

/* Sets `from` of the header; `path_out` has room for IOCP_DATAGRAM_PATH_MAX
 * bytes. */
void datagram_address_from_system(const struct sockaddr_storage* system,
                                  socklen_t length,
                                  struct iocp_datagram* header,
                                  uint8_t* path_out);

#endif /* IOCP_POSIX_DATAGRAM_ADDRESS_H */
