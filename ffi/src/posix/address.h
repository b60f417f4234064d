/* SPDX-License-Identifier: MIT */
/* Conversion of addresses. */
#ifndef IOCP_POSIX_ADDRESS_H
#define IOCP_POSIX_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "iocp.h"

/* Returns the length, or 0 when the family is neither 4 nor 6. */
socklen_t address_to_system(const struct iocp_address* address,
                            struct sockaddr_storage* system_out);

/* Returns false for another family. */
bool address_from_system(const struct sockaddr_storage* system,
                         struct iocp_address* address_out);

/* The same for a unix socket: 0 when the name is too long, and any length from
 * the system. */
socklen_t address_of_path(const struct iocp_path* name,
                          struct sockaddr_un* system_out);
void address_to_path(const struct sockaddr_storage* system,
                     socklen_t length,
                     struct iocp_path* name_out);

#endif /* IOCP_POSIX_ADDRESS_H */
