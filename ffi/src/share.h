/* SPDX-License-Identifier: MIT */
/*
 * Shares: listeners whose connections are handed out to ports of other threads.
 *
 *   port of the listener      share                    port of a part
 *   share_give()  ------>  connections of a part ----> share_next()
 *                                    |
 *                share_leave() of the part: to other parts
 *
 * What threads have in common is in share_table.h. A change is announced to a
 * port by a flag, which its next poll reads, and by waking it.
 */
#ifndef IOCP_SHARE_H
#define IOCP_SHARE_H

#include <stdbool.h>
#include <stdint.h>

struct port;
struct socket;

/* What socket->share points to. */
struct share_link;

/* As iocp_share() and iocp_take_part(). */
int32_t share_open(struct socket* listener, int32_t id);
int32_t share_take_part(struct port* port, int32_t id);

/* The socket closes: a listener or a part, or neither. */
void share_leave(struct socket* socket);

/* Of a listener: whether a part takes one more connection. If not, READY_ACCEPT
 * follows when one does. */
bool share_has_room(struct socket* listener);

/* Of a listener: gets the memory for its next connection. Returns false if
 * there is none. */
bool share_prepare(struct socket* listener);

/* Hands out a connection that is in `accepted`, after share_prepare(), and
 * frees that slot. */
void share_give(struct socket* listener, struct socket* accepted);

/* Of a part: as engine_accept_next(). */
int32_t share_next(struct socket* part, struct socket* accepted);

/* Of a part: its accept_target has changed. */
void share_set_target(struct socket* part);

/* Of a listener: connections that no part was given. */
uint32_t share_count_waiting(const struct socket* listener);

/* Of a part: writes the address of the first listener. Returns its size. */
int32_t share_address(const struct socket* part, void* address_out);

/* Marks the sockets of the port for which something has changed. */
void share_poll(struct port* port);

/* The process ends: resets what no port has delivered. Other threads may have
 * been terminated while they held the lock, and then the system does it. */
void share_abandon_all(void);

#endif /* IOCP_SHARE_H */
