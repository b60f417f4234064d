/* SPDX-License-Identifier: MIT */
#ifndef IOCP_LINUX_ERRORS_H
#define IOCP_LINUX_ERRORS_H

#include "port.h"

/* The library's code for an errno, negated. */
int32_t errors_of(int native);

/* The same for a failure of getaddrinfo(). */
int32_t errors_of_lookup(int failure);

/* The same for an errno that a connection was refused or has failed with. */
int32_t errors_of_connect(int native);

/* The same for `errno` as it stands, noted as the port's last failure. */
int32_t errors_fail(struct port* port);

#endif /* IOCP_LINUX_ERRORS_H */
