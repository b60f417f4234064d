/* SPDX-License-Identifier: MIT */
/*
 * Accepting: a pool of AcceptEx() calls is posted, each with a socket made
 * beforehand. The ones that have completed wait in a list for
 * engine_accept_next(), and count as part of the pool until then, so that a
 * slow consumer stops the pool.
 */
#ifndef IOCP_WINDOWS_ACCEPT_H
#define IOCP_WINDOWS_ACCEPT_H

#include "engine.h"

struct accept {
  struct engine_op op;
  struct list_node node; /* in `posted` of the listener, then in `accepted` */
  struct socket* listener;
  SOCKET target;
  DWORD refused; /* Winsock's error when it could not be posted, or 0 */
  DWORD received;
  uint64_t connected_ms; /* when its connection was first seen; 0: not yet */
  bool has_context;      /* SO_UPDATE_ACCEPT_CONTEXT is set */
  uint32_t data_size;    /* 0: it completes without data */
  uint8_t bytes[];       /* the data, and the two addresses */
};

/* The packet of an accept was dequeued. */
void accept_completed(struct engine_op* op);

/* Closes the target. A peer that is connected sees a reset, as for connections
 * in the queue of a closed listener on Linux. */
void accept_reset(struct accept* accept);

/* Cancels the posted accepts, and resets the connections that were not
 * delivered. */
void accept_cancel_all(struct socket* listener);

#endif /* IOCP_WINDOWS_ACCEPT_H */
