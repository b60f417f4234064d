/* SPDX-License-Identifier: MIT */
/*
 * The calls of the library's user. Each is recorded, and its result checked.
 * Functions without arguments do something that the tape chooses.
 */
#ifndef IOCP_USER_H
#define IOCP_USER_H

#include "checked.h"
#include "ledger.h"

/* ---- ports and polling (user_port.c) */

void user_new(void);           /* which may delete ports of an earlier realm */
void user_poll(uint32_t port); /* with room for everything */
void user_poll_somehow(uint32_t port); /* with arguments from the tape */
void user_wait_here(uint32_t port);
int32_t user_wait(uint32_t port, int32_t timeout_ms);
void user_delete(uint32_t port);

/* Ends the process, with all ports that are open. */
void user_exit(void);
void user_ask_port(uint32_t port); /* counters and the like */

/* For each entry of a port or group that is about to be closed. */
void user_abandon(struct entry* entry);

/* ---- groups of sockets (user_group.c) */

void user_group(uint32_t port);      /* what the tape says */
void user_ask_groups(uint32_t port); /* the counters of all of them */

/* An open port, or LEDGER_PORTS. */
uint32_t user_choose_port(void);

/* ---- making sockets (user_socket.c) */

void user_listen(uint32_t port);
/* Learns the address that a listener of TCP has. */
void user_ask_address(struct entry* entry);
/* At the address of a closed one; NULL: a fault prevented it. */
/* NULL: it cannot. */
struct entry* user_listen_at(uint32_t port,
                             const struct iocp_address* address,
                             uint32_t backlog,
                             uint32_t flags);
struct entry* user_listen_again(uint32_t port, const struct entry* former);
void user_accept(struct entry* listener, uint32_t count);
void user_connect(uint32_t port);
void user_add_foreign(uint32_t port);
void user_add_odd(uint32_t port);   /* what must be refused */
void user_add_loose(uint32_t port); /* what was detached before */
void user_close_loose(void);

/* A connection between a listener of this port and a new guest. */
struct guest* user_invite(uint32_t port);

/* An open one, or NULL. */
struct entry* user_choose(enum entry_kind kind);

/* ---- sockets of others, and passing sockets (user_pass.c) */

void user_add_listener(uint32_t port); /* one that the program has made */
void user_pass(void);
void user_take(void);
void user_stop(void);
void user_hand_over(void); /* a listener, from one port to another */

/* What is left in the inboxes is taken. */
void user_take_all(void);

/* The handle of a listener is about to be closed. */
void user_lose_listener(const struct entry* entry);

/* The port of an inbox is about to be deleted. */
void user_lose_inbox(uint32_t port);

/* A stopped listener may be closed without losing a connection. */
bool user_is_drained(struct entry* entry);

/* Another handle keeps the connection open: one of the program, one of the
 * library, or one in an inbox. */
bool user_is_held(const struct end* end);

/* The same without those of the library: no close of its handle resets the
 * connection. */
bool user_is_held_elsewhere(const struct end* end);

/* ---- listeners that hand out their connections (user_share.c) */

void user_share(uint32_t port); /* what the tape says */
/* Leaves connections in the shares that parts take from. */
void user_fill_shares(void);

/* Counts what a listener has handed out; it is about to be closed. */
void user_share_ask(struct entry* entry);
uint64_t user_handed_out(uint32_t port); /* by all of its listeners */

/* A listener of a share, or a part, is closed or accepts no more, and no
 * connection is lost by that. */
bool user_share_keeps(const struct entry* entry);

/* A part of a share that is over may have ended before that is reported. Then
 * calls for it have no effect, and return 0. */
bool user_is_over_part(const struct entry* entry, int32_t result);

/* Some part accepts. */
bool user_has_part(const struct ledger_share* share);

static inline bool user_hands_out(const struct entry* entry) {
  return entry->share != NULL && !entry->is_part;
}

/* A part has been given connections that it has not delivered. */
bool user_has_undelivered(const struct ledger_share* share);

/* The guest has connected to a listener that hands out, and some part takes its
 * connection. */
bool user_must_reach(const struct guest* guest);

/* Checks the counters of all shares. */
void user_check_shares(void);

/* ---- local sockets (user_local.c) */

void user_listen_path(uint32_t port);
void user_connect_path(uint32_t port);
void user_take_path(void);
void user_ask_peer(struct entry* entry);
void user_ask_path(struct entry* entry);
void user_misuse_path(uint32_t port);

/* A connect to a name has failed; one was accepted. */
void user_connect_path_failed(const struct entry* entry, int32_t result);
void user_accepted_path(struct entry* entry);

/* There is a connection of that name, perhaps of a listener that is closed. */
bool user_is_path_connected(uint16_t local, uint32_t path);

/* ---- using sockets (user_stream.c) */

void user_receive(struct entry* entry, uint32_t bytes);
void user_read(struct entry* entry, uint32_t length);
void user_send(struct entry* entry, uint32_t length);
/* The call that sends has returned; `must_fail`: not all of it can be sent. */
void user_has_sent(struct entry* entry,
                   int32_t result,
                   uint32_t length,
                   bool must_fail);
void user_shutdown(struct entry* entry);
void user_ask_progress(struct entry* entry);
void user_ask_tcp_info(struct entry* entry);
void user_close(struct entry* entry, uint32_t mode, uint32_t timeout_ms);

/* Sends the next bytes from a file (user_file.c). */
void user_send_file(struct entry* entry, uint32_t length);
void user_misuse_file(uint32_t port);

/* ---- datagram sockets (user_datagram.c) */

void user_bind(uint32_t port);
void user_datagram(uint32_t port); /* what the tape says */
void user_datagram_receive(struct entry* entry, uint32_t bytes);

/* Has the library receive what its unix sockets have in their queues, so that
 * the sends that wait for room go on. */
void user_drain_unix(void);

/* The user can sleep while a sender waits for a receiver that nothing reads. */
void user_stall_unix(uint32_t port);

/* Every open socket receives what is sent to it. */
void user_probe_datagrams(void);

/* ---- options, counters, wrong arguments (user_ask.c) */

void user_set_option(struct entry* entry); /* as the tape says */
void user_set_to(struct entry* entry, uint32_t option, int32_t value);
void user_ask(struct entry* entry);
void user_misuse(void);
void user_resolve(void);

#endif /* IOCP_USER_H */
