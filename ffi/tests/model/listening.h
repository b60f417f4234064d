/* SPDX-License-Identifier: MIT */
/* Who listens at an address, and the connections in their backlogs. */
#ifndef MODEL_LISTENING_H
#define MODEL_LISTENING_H

#include <stdbool.h>

#include "iocp.h"
#include "list.h"

struct link;
struct peer_listener;
struct sock;

/* One entry: a socket of the process, or something else in the network. */
struct listening {
  struct list_node node;
  struct list_node backlog; /* struct link */
  uint32_t queued;
  uint32_t queued_max;
  struct iocp_address address;
  bool takes_both; /* :: takes IPv4 too */
  bool is_silent;
  struct sock* sock;           /* or NULL */
  struct peer_listener* peers; /* or NULL */
};

enum listening_answer {
  LISTENING_TAKES,
  LISTENING_REFUSES,
  LISTENING_IS_SILENT,
  LISTENING_IS_UNREACHABLE /* there is no way to its network */
};

void listening_open_all(void);
void listening_open(struct listening* listening,
                    const struct iocp_address* address);
/* Connections that nobody has taken are reset. */
void listening_close(struct listening* listening);

/* One after the other, of all. */
struct listening* listening_next(struct listening* after);

enum listening_answer listening_answer(struct link* link);

/* True when a call to this address would come to somebody. */
bool listening_has(const struct iocp_address* address);

/* The oldest connection in the backlog leaves it, or NULL. */
struct link* listening_take(struct listening* listening);

/* Something has arrived at a connection in a backlog. */
void listening_moved(struct link* link);

/* ---- addresses */

bool address_is_any(const struct iocp_address* address);
bool address_is_own(const struct iocp_address* address);

/* fe80::/10, which each interface may have: the scope tells whose it is. This
 * machine has two interfaces, 1 and 2, and the same address on both. */
bool address_is_link_local(const struct iocp_address* address);

/* The same one, of the same interface, for two of one family. */
bool address_is_same(const struct iocp_address* a,
                     const struct iocp_address* b);

#endif /* MODEL_LISTENING_H */
