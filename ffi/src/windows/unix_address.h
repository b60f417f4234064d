/* SPDX-License-Identifier: MIT */
/* Addresses of unix sockets (afunix.h, which older headers lack). */
#ifndef IOCP_WINDOWS_UNIX_ADDRESS_H
#define IOCP_WINDOWS_UNIX_ADDRESS_H

#include "engine.h"

/* SOCKADDR_UN. */
struct unix_address {
  USHORT family;
  char path[108]; /* UTF-8, with a zero at its end */
};

/* Writes the address of a name. Returns its length, or -IOCP_ENAMETOOLONG, or
 * -IOCP_ENOTSUP for an abstract one. */
int32_t unix_address_of(const struct iocp_path* name,
                        struct unix_address* address_out);

/* The address without a name. Returns its length. */
int unix_address_unnamed(struct unix_address* address_out);

/* Writes the name of an address of the system. */
void unix_address_to_path(const struct unix_address* address,
                          struct iocp_path* name_out);

#endif /* IOCP_WINDOWS_UNIX_ADDRESS_H */
