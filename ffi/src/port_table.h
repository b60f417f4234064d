/* SPDX-License-Identifier: MIT */
/*
 * The ports of the process, by name: one atomic word a slot.
 *
 *   bit 31 ........ 16 | 15   | 14 ..... 0
 *   generation         | open | references
 *
 * An open port has one reference of its owner and one of each call that another
 * thread makes. Closing clears the open bit, so nobody new comes in; whoever
 * drops the last reference frees the port, and only then is the slot free.
 */
#ifndef IOCP_PORT_TABLE_H
#define IOCP_PORT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct port;

#define PORTS_MAX 4096

/* Enters a port of the calling thread, with the owner's reference; false when
 * the table is full. */
bool port_table_add(struct port* port, uint32_t realm, int32_t* name_out);

/* The port, if it is open and the calling thread's own; else NULL, and *error
 * says why. */
struct port* port_table_find(int32_t name, int32_t* error);

bool port_table_is_open(int32_t name);

/* Takes a reference; NULL when no port of that name is open. */
struct port* port_table_acquire(int32_t name);

/* Voids the name. The owner's reference stays until it is released. */
void port_table_close(int32_t name);

/* Drops a reference; the last one calls `destroy`. Pairs with port_table_add()
 * and port_table_acquire(). */
void port_table_release(int32_t name, void (*destroy)(struct port* port));

/* An open port of the calling thread, or NULL when it has none. */
struct port* port_table_own(void);

/* The same, of those alone that have a realm and another one than this; NULL
 * for realm 0. */
struct port* port_table_stale(uint32_t realm);

#endif /* IOCP_PORT_TABLE_H */
