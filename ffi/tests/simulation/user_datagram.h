/* SPDX-License-Identifier: MIT */
/*
 * The parts of the user's calls for datagrams. Functions without arguments do
 * something that the tape chooses.
 */
#ifndef IOCP_USER_DATAGRAM_H
#define IOCP_USER_DATAGRAM_H

#include "ledger.h"

#define USER_DATAGRAM_BUFFER (1 << 20)
/* Endpoints that are left for peers. */
#define USER_DATAGRAM_PEERS 6

/* What is sent, or was received. */
extern uint8_t user_datagram_bytes[USER_DATAGRAM_BUFFER];

static inline int32_t user_datagram_port(const struct entry* entry) {
  return ledger.ports[entry->port].id;
}

/* The loopback address of a family, or all addresses; without a port. */
struct iocp_address user_datagram_at(uint16_t family, bool is_any);

/* Its socket is closing or closed, which the result must say. */
bool user_datagram_is_void(const struct entry* entry, int32_t result);

uint32_t user_datagram_length(void);
void user_receive_from(struct entry* entry, uint32_t room);

/* ---- sending and connecting (user_datagram_send.c) */

/* A send is pending, of that many datagrams. */
void user_datagram_copied(struct entry* entry, uint32_t count);
void user_send_datagram(struct entry* entry);
void user_send_datagrams(struct entry* entry);
void user_connect_datagram(struct entry* entry);
void user_send_nowhere(struct entry* entry);

/* ---- unix sockets, which Windows does not have (user_datagram_unix.c) */

void user_unix_act(struct entry* entry);
void user_datagram_unix(uint32_t port);

/* ---- groups and interfaces (user_membership.c) */

void user_membership(struct entry* entry);
void user_interface(uint32_t port);

/* ---- peers (user_datagram_peer.c) */

/* One that is open, or a new one; NULL: there is no room. */
struct endpoint* user_datagram_peer(void);
void user_peer_acts(void);

#endif /* IOCP_USER_DATAGRAM_H */
