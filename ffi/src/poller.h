/* SPDX-License-Identifier: MIT */
/*
 * Dequeuing. The engine marks sockets (socket_ready()); a poll visits each
 * marked socket once, in order, and writes records for its results while there
 * is room.
 */
#ifndef IOCP_POLLER_H
#define IOCP_POLLER_H

#include "batch.h"
#include "port.h"

#define POLLER_CAPACITY_MAX 4096

/* Fills the batch and its header. */
void poller_poll(struct port* port, struct batch* batch);

#endif /* IOCP_POLLER_H */
