/* SPDX-License-Identifier: MIT */
/* The shares of the process, under their one lock. It is held for a few list
 * operations and for no system call. */
#ifndef IOCP_SHARE_TABLE_H
#define IOCP_SHARE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"
#include "iocp_callback.h"
#include "list.h"

struct iocp_path;
struct socket;

/* A connection that was handed out. */
struct share_conn {
  struct list_node node;
  iocp_os_socket handle;
};

/* A listener or a part. */
struct share_link {
  struct list_node node; /* in `listeners` or `parts` of the share */
  struct share* share;
  struct socket* socket;
  bool is_due;     /* the next poll of its port is to mark the socket */
  bool wants_wake; /* the port is still to be woken for that */
  /* Of a listener. */
  bool lacks_room;          /* it waits for a part */
  struct share_conn* spare; /* for its next connection */
  /* Of a part. */
  bool takes;             /* its accept_target is not 0 */
  uint32_t waiting;       /* connections in `conns` */
  struct list_node conns; /* struct share_conn, oldest first */
};

struct share {
  bool is_open;
  bool is_over; /* its listeners are closed */
  int32_t id;   /* a generation and the index */
  struct list_node listeners;
  struct list_node parts; /* the one that was given nothing longest first */
  uint32_t waiting;
  struct list_node conns; /* those that no part has room for */
  struct iocp_address ip; /* of the first listener, or */
  struct iocp_path* path; /* its name */
};

void share_table_enter(void);
/* Returns false, without waiting, if another thread has the lock. */
bool share_table_try_enter(void);
void share_table_leave(void);

/* Ends what share_table_enter() began, and wakes ports of the share. */
void share_table_leave_and_wake(struct share* share);

/* ---- with the lock held */

/* The share with that id; NULL if it is not open. */
struct share* share_table_find(int32_t id);

/* The share of a slot below IOCP_SHARES_MAX; NULL if it is not open. */
struct share* share_table_at(uint32_t index);

/* Opens a share. Returns NULL if there are too many. */
struct share* share_table_new(void);

void share_table_free_if_unused(struct share* share);

/* ---- without it */

/* Returns a link that is in no share yet, or NULL without memory. */
struct share_link* share_table_new_link(struct socket* socket);

#endif /* IOCP_SHARE_TABLE_H */
