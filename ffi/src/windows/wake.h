/* SPDX-License-Identifier: MIT */
/*
 * Ending a wait: engine_wake() queues a packet without an operation. At most
 * one such packet is queued at a time.
 */
#ifndef IOCP_WINDOWS_WAKE_H
#define IOCP_WINDOWS_WAKE_H

#include "engine.h"

/* The packet was dequeued by the port's thread. */
void wake_dequeued(struct port* port);

#endif /* IOCP_WINDOWS_WAKE_H */
