/* SPDX-License-Identifier: MIT */
/*
 * Connections. Each has two ends and two flows; flow i comes in at end i:
 *
 *   taken <= arrived <= sent        bytes, by their place in the stream
 *         ^ can be received  ^ travel
 *
 * Nothing travels by itself: network_step() moves one thing on.
 */
#ifndef MODEL_NETWORK_H
#define MODEL_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"
#include "list.h"

struct link;
struct peer;
struct peer_listener;
struct sock;

struct flow {
  uint8_t* bytes; /* a ring */
  uint32_t size;
  uint64_t sent;
  uint64_t arrived;
  uint64_t taken;
  bool fin_sent;
  bool fin_arrived;
  bool rst_sent;
  bool rst_arrived;
  /* Bytes before this place were lost, and others went out all the same: what
   * is behind is not what was meant to be there. UINT64_MAX: none were. */
  uint64_t hole;
};

struct end {
  struct link* link;
  struct end* other;
  struct flow* in;
  struct flow* out;
  struct sock* sock; /* whose it is; else a peer's, or nobody's */
  struct iocp_address name;
  bool is_closed; /* nobody has it any more */
};

enum link_state {
  LINK_CALLING, /* has not been answered */
  LINK_QUEUED,  /* answered, and in the backlog of a listener */
  LINK_TAKEN,
  LINK_REFUSED
};

struct link {
  struct list_node node;         /* in the links that can still change */
  struct list_node backlog_node; /* while LINK_QUEUED */
  enum link_state state;
  struct end ends[2]; /* who called, who answers */
  struct flow flows[2];
  uint32_t window;
  uint64_t stalled_until_ms;
  uint64_t answer_ms;   /* when the answer comes; 0: it is not known yet */
  bool is_unanswered;   /* there is only silence */
  bool meets_itself;    /* both ends are one socket */
  bool retries_refused; /* a refusal is told after two more tries */
  bool is_exclusive;    /* whom it called was bound exclusively */
  bool has_own_port;    /* the caller's, which no other connection can have */
  bool has_fin;         /* one end has said its end, the first of them: */
  uint8_t fin_first;
  uint64_t ended_ms; /* when it was over */
};

void network_open(void);
void network_close(void);

/* Connections have room for a lot from here on. */
void network_widen(void);

/* Moves one thing on. False when nothing can move now. */
bool network_step(void);

/* When something moves again by itself. */
uint64_t network_next_ms(void);

/* A connection that is there already waits to be accepted (peer.c). */
void peer_listener_queue(struct peer_listener* listener, struct link* link);

/* Has a call answered at once, if it is taken. */
bool network_answers(struct link* link);

/* A port number that nobody uses. */
uint16_t network_new_port(void);

/* True when connections of an exclusive listener keep this address from being
 * bound exclusively: those that live, and perhaps those in TIME_WAIT. */
bool network_holds(const struct iocp_address* address, bool in_time_wait);

/* Ports that connections have to themselves. */
uint32_t network_own_ports(void);

/* True when these two ends have had a connection already. */
bool network_has(const struct iocp_address* from,
                 const struct iocp_address* to);

/* Calls `to`. The caller's end is ends[0] of what is returned. */
struct link* network_call(const struct iocp_address* from,
                          const struct iocp_address* to);

/* The caller gives up. */
void network_hang_up(struct link* link);

/* ---- by the owner of an end */

/* Bytes that can be received; how many there is room for to send. */
uint32_t end_readable(const struct end* end);
uint32_t end_room(const struct end* end);

/* Bytes have been lost, and the next ones go out past them. */
void end_lose(struct end* end);

/* True when the other end would be sent bytes past a loss, or their end. */
bool end_has_hole(const struct end* end);

/* True when bytes, the end or a reset have come. */
bool end_has_news(const struct end* end);

/* Both move as much as there is, or room. */
uint32_t end_receive(struct end* end, uint8_t* bytes, uint32_t length);
uint32_t end_send(struct end* end, const uint8_t* bytes, uint32_t length);

/* What travels to the end arrives. */
void end_hurry(struct end* end);

void end_finish(struct end* end); /* FIN */
void end_reset(struct end* end);  /* RST, and nobody has the end any more */
void end_close(struct end* end);  /* FIN, or RST when something is unread */

#endif /* MODEL_NETWORK_H */
