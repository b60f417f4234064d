/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_SEND_H
#define IOCP_WINDOWS_SEND_H

#include "kept.h"

/* The packet of a copy's send was dequeued. */
void send_completed(struct kept* kept);

#endif /* IOCP_WINDOWS_SEND_H */
