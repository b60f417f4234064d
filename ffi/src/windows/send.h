/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_SEND_H
#define IOCP_WINDOWS_SEND_H

#include "send_copy.h"

/* The packet of a send was dequeued. */
void send_completed(struct send_copy* copy);

#endif /* IOCP_WINDOWS_SEND_H */
