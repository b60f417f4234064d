/* SPDX-License-Identifier: MIT */
/* Listeners by address, and the connections in their backlogs. */
#ifndef MODEL_LISTENING_H
#define MODEL_LISTENING_H

#include <stdbool.h>

#include "iocp.h"
#include "list.h"

struct link;
struct peer_listener;
struct sock;

/* One listener: a socket of the process, or one of another machine. */
struct listening {
  struct list_node node;
  struct list_node backlog; /* struct link */
  uint32_t queued;
  uint32_t queued_max;
  struct iocp_address address;
  bool is_dual_stack; /* "::" that also accepts IPv4 */
  bool is_silent;
  struct sock* sock;           /* or NULL */
  struct peer_listener* peers; /* or NULL */
};

enum listening_answer {
  LISTENING_TAKES,
  LISTENING_REFUSES,
  LISTENING_IS_SILENT,
  LISTENING_IS_UNREACHABLE /* there is no route to the address */
};

void listening_open_all(void);
void listening_open(struct listening* listening,
                    const struct iocp_address* address);
/* Resets the connections that were not accepted. */
void listening_close(struct listening* listening);

/* Iterates over all listeners. */
struct listening* listening_next(struct listening* after);

enum listening_answer listening_answer(struct link* link);

/* True if something listens at this address. */
bool listening_has(const struct iocp_address* address);

/* Removes the oldest connection from the backlog; NULL if it is empty. */
struct link* listening_pop(struct listening* listening);

/* Bytes, the end or a reset have arrived at a connection in a backlog. */
void listening_moved(struct link* link);

/* ---- addresses */

bool address_is_any(const struct iocp_address* address);
bool address_is_own(const struct iocp_address* address);

/* fe80::/10, which each interface may have: the scope ID says which. This
 * machine has two interfaces, 1 and 2, with the same address. */
bool address_is_link_local(const struct iocp_address* address);

/* The same address of the same interface, for two of one family. */
bool address_is_same(const struct iocp_address* a,
                     const struct iocp_address* b);

#endif /* MODEL_LISTENING_H */
