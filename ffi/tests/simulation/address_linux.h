/* SPDX-License-Identifier: MIT */
/* Addresses of the peers, which do not use the code of the library. */
#ifndef IOCP_ADDRESS_LINUX_H
#define IOCP_ADDRESS_LINUX_H

#include <sys/socket.h>

#include "iocp.h"

socklen_t peer_address_to_system(const struct iocp_address* address,
                                 struct sockaddr_storage* system_out);
void peer_address_from_system(const struct sockaddr_storage* system,
                              struct iocp_address* address_out);

#endif /* IOCP_ADDRESS_LINUX_H */
