/* SPDX-License-Identifier: MIT */
/* Guests: the simulated peers of the library, and what they do. */
#ifndef IOCP_GUESTS_H
#define IOCP_GUESTS_H

#include "ledger.h"

/* Guests that listen, refuse or never answer; NULL: this world has none. */
struct host* guests_host(enum peer_manner manner, uint16_t family);

/* The same for local sockets. */
struct host* guests_local_host(enum peer_manner manner, uint16_t local);

/* A guest that connects to a listener of the library; NULL: no room. */
struct guest* guests_connect(struct entry* listener);

/* Updates the states of connections, and accepts those that wait. */
void guests_look(void);

/* Returns the accepted bytes; never more than there is room for. */
uint32_t guest_send(struct guest* guest, uint32_t length);

/* Reads up to `length` bytes; returns false if there were none. */
bool guest_receive(struct guest* guest, uint32_t length);

void guest_shutdown(struct guest* guest);
void guest_close(struct guest* guest);
void guest_reset(struct guest* guest);

/* A guest that can do something, chosen by the tape, or NULL. */
struct guest* guests_choose(void);

/* One guest does what the tape chooses. */
void guests_act(void);

/* All guests read everything there is. Returns true if one received
 * something. */
bool guests_read_all(void);

/* The other end of a connection, or NULL if that takes no part. */
struct guest* guests_of(const struct entry* entry);

#endif /* IOCP_GUESTS_H */
