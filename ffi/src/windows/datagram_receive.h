/* SPDX-License-Identifier: MIT */
/*
 * The receives of a datagram socket, in the order in which they were posted.
 * The kernel fills them in that order, so their datagrams are taken from the
 * front of the list, whatever the order of their packets. Each has room for the
 * longest datagram.
 */
#ifndef IOCP_WINDOWS_DATAGRAM_RECEIVE_H
#define IOCP_WINDOWS_DATAGRAM_RECEIVE_H

#include "engine.h"

/* Receives that are posted, until IOCP_RECEIVE_DEPTH is set. */
#define DATAGRAM_RECEIVE_DEPTH 4

struct datagram_receive {
  struct engine_op op;
  struct list_node node;
  struct socket* socket;
  /* The kernel may write to these during the operation. */
  DWORD flags;
  INT from_length;
  SOCKADDR_STORAGE from;

  bool is_completed;
  bool is_truncated;
  int32_t error; /* 0: a datagram */
  int32_t native;
  uint32_t length;
  uint8_t bytes[IOCP_DATAGRAM_MAX];
};

/* For a new socket. */
void datagram_receive_open(struct socket* socket);

/* The packet of a receive was dequeued. */
void datagram_receive_completed(struct datagram_receive* receive);

/* Frees all of them. Nothing is in flight. */
void datagram_receive_discard(struct socket* socket);

/* Adds what they hold to the counters. */
void datagram_receive_count(const struct socket* socket,
                            double* posted,
                            double* readable);

#endif /* IOCP_WINDOWS_DATAGRAM_RECEIVE_H */
