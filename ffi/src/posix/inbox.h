/* SPDX-License-Identifier: MIT */
#ifndef IOCP_POSIX_INBOX_H
#define IOCP_POSIX_INBOX_H

#include "port.h"

/* Closes the inbox of the port, if it has one, and the descriptors in it. */
void inbox_close(struct port* port);

#endif /* IOCP_POSIX_INBOX_H */
