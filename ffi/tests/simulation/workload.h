/* SPDX-License-Identifier: MIT */
/* A user of the library who does whatever the tape says. */
#ifndef IOCP_WORKLOAD_H
#define IOCP_WORKLOAD_H

/* Makes ports and sockets, uses them, sees to it that all which was begun comes
 * to its end, and deletes what there is. */
void workload_run(void);

#endif /* IOCP_WORKLOAD_H */
