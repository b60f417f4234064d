/* SPDX-License-Identifier: MIT */
/* Datagrams that the kernel has dropped. The folder of each system implements
 * it. */
#ifndef IOCP_POSIX_DATAGRAM_LOSS_H
#define IOCP_POSIX_DATAGRAM_LOSS_H

#include "engine.h"

/* Adds those since the last call to the socket's counter. */
void datagram_loss_count(struct socket* socket);

#endif /* IOCP_POSIX_DATAGRAM_LOSS_H */
