/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_SEND_H
#define IOCP_WINDOWS_SEND_H

#include "engine.h"

/* The packet of the socket's send was dequeued. */
void send_completed(struct socket* socket);

#endif /* IOCP_WINDOWS_SEND_H */
