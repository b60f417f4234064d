/* SPDX-License-Identifier: MIT */
/* A user of the callback API (iocp_callback.h). */
#ifndef IOCP_WORKLOAD_CALLBACKS_H
#define IOCP_WORKLOAD_CALLBACKS_H

void workload_callbacks_run(void);

#endif /* IOCP_WORKLOAD_CALLBACKS_H */
