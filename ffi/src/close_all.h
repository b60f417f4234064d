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

/* Closes the handles of all sockets of the port while the process ends. Other
 * threads were terminated, perhaps in the middle of a call, so it waits for
 * none of them, and frees nothing that they use. The system would close the
 * handles with operations pending: that resets connections that have sent all,
 * and may end others with a FIN in the middle of their data. */
void close_all_at_exit(struct port* port);

#endif /* IOCP_CLOSE_ALL_H */
