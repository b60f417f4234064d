/* SPDX-License-Identifier: MIT */
/* Adopting connected sockets that were made elsewhere. */
#ifndef IOCP_ADOPTER_H
#define IOCP_ADOPTER_H

#include "port.h"

/* Returns the id of the socket or -IOCP_E...; `flags` were checked. */
int32_t adopter_add(struct port* port, double os_socket, uint32_t flags);

#endif /* IOCP_ADOPTER_H */
