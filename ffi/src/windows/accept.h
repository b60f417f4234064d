/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_ACCEPT_H
#define IOCP_WINDOWS_ACCEPT_H

#include "engine.h"

/* The packet of one of a listener's accepts was dequeued. */
void accept_completed(struct engine_op* op);

/* Has the posted accepts end, and gives up the connections that have come and
 * were not taken. */
void accept_forget(struct socket* listener);

#endif /* IOCP_WINDOWS_ACCEPT_H */
