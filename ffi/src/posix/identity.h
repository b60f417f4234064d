/* SPDX-License-Identifier: MIT */
/* Which socket a descriptor refers to. The folder of each system implements
 * this, and engine_check_handle(). */
#ifndef IOCP_POSIX_IDENTITY_H
#define IOCP_POSIX_IDENTITY_H

#include <stdbool.h>

#include "platform.h"

/* Returns false, with errno, when the descriptor is not open. */
bool identity_of(int fd, struct engine_identity* identity_out);

/* The same for a name in a folder. False, with EADDRINUSE, for a file that is
 * not a socket. */
bool identity_of_socket_file(int folder,
                             const char* name,
                             struct engine_identity* identity_out);

#endif /* IOCP_POSIX_IDENTITY_H */
