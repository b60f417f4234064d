/* SPDX-License-Identifier: MIT */
/* Error codes. The folder of each system implements these. */
#ifndef IOCP_POSIX_ERRORS_H
#define IOCP_POSIX_ERRORS_H

#include "port.h"

/* The library's code for an errno, negated. */
int32_t errors_of(int native);

/* The same for a result of getaddrinfo(). */
int32_t errors_of_lookup(int failure);

/* The same for the errno of a failed connect. */
int32_t errors_of_connect(int native);

/* The same for a call with the path of a unix socket. */
int32_t errors_of_path(int native);

/* True when accept() failed for an error of the connection it would have
 * returned. */
bool errors_is_of_accepted(int native);

/* The code for the current `errno`, noted as the port's last failure. */
int32_t errors_fail(struct port* port);

/* The same for a call on a connected stream. */
int32_t errors_fail_stream(struct socket* socket);

#endif /* IOCP_POSIX_ERRORS_H */
