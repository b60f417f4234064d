/* SPDX-License-Identifier: MIT */
/* Closing many sockets at once, without records. */
#ifndef IOCP_CLOSE_ALL_H
#define IOCP_CLOSE_ALL_H

#include "port.h"

/* Closes every socket of the port that is in the group, which may be GROUP_ANY,
 * and waits until the kernel holds nothing of them. A socket for which that
 * takes too long becomes unreported, is in no group, and is closed by later
 * polls. */
void close_all(struct port* port, uint32_t group);

#endif /* IOCP_CLOSE_ALL_H */
