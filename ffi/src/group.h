/* SPDX-License-Identifier: MIT */
/*
 * Groups of sockets of one port: what several users of a port have apart. A
 * socket holds the number of its group. What living sockets have done is
 * counted when it is asked for, so that a message costs nothing more; a group
 * keeps what those did that are gone.
 */
#ifndef IOCP_GROUP_H
#define IOCP_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"

struct socket;

#define GROUP_CHUNK 256
/* Of the functions that close: whatever group a socket is in. */
#define GROUP_ANY UINT32_MAX

struct group {
  bool is_open;
  uint32_t next_free; /* while it is not open: the number of another one */
  uint64_t bytes_received;
  uint64_t bytes_sent;
  uint64_t accepted;
  uint64_t accept_failures;
};

struct group_table {
  struct group* chunks[(IOCP_GROUP_MAX + 1) / GROUP_CHUNK];
  uint32_t slot_count; /* numbers below it have a slot; 0 stays unused */
  uint32_t free_first; /* 0: none */
};

bool group_is_open(const struct group_table* table, uint32_t number);

/* The socket is about to be freed: its group keeps what it has counted. */
void group_retire(const struct socket* socket);

void group_table_close(struct group_table* table);

#endif /* IOCP_GROUP_H */
