/* SPDX-License-Identifier: MIT */
/* A user of the library that does whatever the tape says. */
#ifndef IOCP_WORKLOAD_H
#define IOCP_WORKLOAD_H

/* Makes ports and sockets, uses them, checks that everything completes, and
 * deletes them. */
void workload_run(void);

#endif /* IOCP_WORKLOAD_H */
