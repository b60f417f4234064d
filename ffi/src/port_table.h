/* SPDX-License-Identifier: MIT */
/*
 * The ports of the process, by id: one atomic word per slot.
 *
 *   bit 31 ........ 16 | 15   | 14 ..... 0
 *   generation         | open | references
 *
 * An open port has one reference for its owner and one for each call that runs
 * on another thread. Closing clears the open bit, so no further reference can
 * be acquired. Releasing the last reference frees the port, and then the slot.
 */
#ifndef IOCP_PORT_TABLE_H
#define IOCP_PORT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct port;

#define PORTS_MAX 4096

/* Adds a port of the calling thread, with the owner's reference. Returns false
 * when the table is full. */
bool port_table_add(struct port* port, uint32_t realm, int32_t* id_out);

/* The port, if it is open and belongs to the calling thread; else NULL with
 * -IOCP_EBADF or -IOCP_EXDEV in *error. */
struct port* port_table_find(int32_t id, int32_t* error);

bool port_table_is_open(int32_t id);

/* Acquires a reference; NULL when no open port has that id. */
struct port* port_table_acquire(int32_t id);

/* Makes the id stale. The owner's reference stays until it is released. */
void port_table_close(int32_t id);

/* Releases a reference of port_table_add() or port_table_acquire(). The last
 * one calls `destroy`. */
void port_table_release(int32_t id, void (*destroy)(struct port* port));

/* An open port of the calling thread, or NULL when it has none. */
struct port* port_table_own(void);

/* The same among those whose realm is neither 0 nor `realm`; NULL for realm
 * 0. */
struct port* port_table_stale(uint32_t realm);

#endif /* IOCP_PORT_TABLE_H */
