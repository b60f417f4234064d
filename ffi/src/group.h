/* SPDX-License-Identifier: MIT */
/*
 * Groups of sockets, for independent users of one port. A socket holds the
 * number of its group. The counters of open sockets are summed up on request,
 * so that a message costs nothing more; a group holds those of its closed
 * sockets.
 */
#ifndef IOCP_GROUP_H
#define IOCP_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"

struct socket;

#define GROUP_CHUNK 256
/* For close_all(): every socket, whatever its group. */
#define GROUP_ANY UINT32_MAX

struct group {
  bool is_open;
  uint32_t next_free; /* of a closed one: the next free number, or 0 */
  uint64_t bytes_received;
  uint64_t bytes_sent;
  uint64_t accepted;
  uint64_t accept_failures;
};

struct group_table {
  struct group* chunks[(IOCP_GROUP_MAX + 1) / GROUP_CHUNK];
  uint32_t slot_count; /* numbers below it have a slot; 0 is never used */
  uint32_t free_first; /* 0: none */
};

/* Returns the number of a new group or -IOCP_E... */
int32_t group_open(struct group_table* table);

/* The group has no sockets any more. */
void group_close(struct group_table* table, uint32_t number);

bool group_is_open(const struct group_table* table, uint32_t number);

/* An open group. */
struct group* group_at(const struct group_table* table, uint32_t number);

/* Adds the counters of the socket. */
void group_count(struct group* group, const struct socket* socket);

/* Adds them to the socket's group, which the socket is about to leave. */
void group_retire(const struct socket* socket);

void group_table_close(struct group_table* table);

#endif /* IOCP_GROUP_H */
