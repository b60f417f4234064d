/* SPDX-License-Identifier: MIT */
/* Which part of a share gets which connection. All of it with the lock of
 * share_table.h held. */
#ifndef IOCP_SHARE_QUEUE_H
#define IOCP_SHARE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct list_node;
struct share;
struct share_link;

/* The next poll of the link's port is to mark its socket. */
void share_queue_announce(struct share_link* link);

/* Gives waiting connections to parts with fewer than `max`. */
void share_queue_assign(struct share* share, uint32_t max);

/* The listener may accept one more, of which `left` wait already. */
bool share_queue_accepts(struct share* share, uint32_t left);

/* There may be room again. */
void share_queue_resume(struct share* share);

/* The part delivers no more of what it was given. */
void share_queue_return(struct share_link* part);

/* The part takes no more for now. */
void share_queue_pause(struct share_link* part);

/* A listener has left. If it was the last one, nothing more comes. Moves what
 * no part takes to `lost`. */
void share_queue_end(struct share* share, struct list_node* lost);

/* The share is over: parts get all that is left. Moves what no part takes to
 * `lost`. */
void share_queue_give_rest(struct share* share, struct list_node* lost);

#endif /* IOCP_SHARE_QUEUE_H */
