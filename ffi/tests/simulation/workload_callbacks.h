/* SPDX-License-Identifier: MIT */
/* The other user: a program that is called back (iocp_callback.h). */
#ifndef IOCP_WORKLOAD_CALLBACKS_H
#define IOCP_WORKLOAD_CALLBACKS_H

void workload_callbacks_run(void);

#endif /* IOCP_WORKLOAD_CALLBACKS_H */
