/* SPDX-License-Identifier: MIT */
/* The peers of the library, and what they do. */
#ifndef IOCP_GUESTS_H
#define IOCP_GUESTS_H

#include "ledger.h"

/* Guests who listen, refuse or say nothing; NULL: there is none such. */
struct host* guests_host(enum peer_manner manner, uint16_t family);

/* One who connects to a listener of the library's; NULL: no room. */
struct guest* guests_connect(struct entry* listener);

/* Looks who has been connected, and lets in who waits. */
void guests_look(void);

/* Returns how much was taken; nobody sends more than there is room for. */
uint32_t guest_send(struct guest* guest, uint32_t length);

/* Reads up to so much; returns false when there was nothing. */
bool guest_receive(struct guest* guest, uint32_t length);

void guest_shutdown(struct guest* guest);
void guest_close(struct guest* guest);
void guest_reset(struct guest* guest);

/* One that can do something, as the tape chooses, or NULL. */
struct guest* guests_choose(void);

/* Something that the tape chooses. */
void guests_act(void);

/* Everybody reads all there is. Returns true when something has come. */
bool guests_read_all(void);

/* The other end of a connection, or NULL: it is none that takes part. */
struct guest* guests_of(const struct entry* entry);

#endif /* IOCP_GUESTS_H */
