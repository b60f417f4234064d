/* SPDX-License-Identifier: MIT */
/*
 * Connections. Each has two ends and two flows; flow i arrives at end i. A flow
 * has three positions in its stream, received <= arrived <= sent: bytes between
 * the first two can be received, and those between the last two are in transit.
 *
 * Nothing moves by itself: network_step() moves one thing on.
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
  uint8_t* bytes; /* a ring buffer */
  uint32_t size;
  uint64_t sent;
  uint64_t arrived;
  uint64_t received;
  bool fin_sent;
  bool fin_arrived;
  bool rst_sent;
  bool rst_arrived;
  /* Bytes before this position were lost, and later ones were sent all the
   * same: the stream has a gap here. UINT64_MAX: none. */
  uint64_t hole;
};

struct end {
  struct link* link;
  struct end* other;
  struct flow* in;
  struct flow* out;
  struct sock* sock; /* the owner; NULL: a peer, or none */
  struct iocp_address name;
  bool is_closed; /* the owner has closed it */
};

enum link_state {
  LINK_CALLING, /* the SYN is in transit */
  LINK_QUEUED,  /* in the backlog of a listener */
  LINK_TAKEN,
  LINK_REFUSED
};

struct link {
  /* in the list of links that can still change */
  struct list_node node;
  struct list_node backlog_node; /* while LINK_QUEUED */
  enum link_state state;
  struct end ends[2]; /* the caller, the listener */
  struct flow flows[2];
  uint32_t window;
  uint64_t stalled_until_ms;
  uint64_t answer_ms;     /* when the answer arrives; 0: not known yet */
  bool is_unanswered;     /* no answer will come */
  bool is_self_connected; /* both ends are the same socket */
  bool retries_refused;   /* a refusal is reported after two further SYNs */
  bool is_exclusive;      /* the listener was bound exclusively */
  bool has_own_port;      /* the caller's port is not shared */
  bool has_fin;           /* one end has sent its FIN, the first of them: */
  uint8_t fin_first;
  uint64_t ended_ms; /* when both had ended */
};

void network_open(void);
void network_close(void);

/* From here on connections buffer much more. */
void network_widen(void);

/* Moves one thing on. False if nothing can move now. */
bool network_step(void);

/* The next time at which something moves by itself. */
uint64_t network_next_ms(void);

/* A new connection waits to be accepted (peer.c). */
void peer_listener_queue(struct peer_listener* listener, struct link* link);

/* Has a call answered at once, if it is accepted. */
bool network_answers(struct link* link);

/* A port number that is not in use. */
uint16_t network_new_port(void);

/* True if connections of an exclusive listener prevent an exclusive bind to
 * this address: open ones, and perhaps those in TIME_WAIT. */
bool network_holds(const struct iocp_address* address, bool in_time_wait);

/* How many ports connections do not share. */
uint32_t network_own_ports(void);

/* True if these two ends have had a connection already. */
bool network_has(const struct iocp_address* from,
                 const struct iocp_address* to);

/* Connects to `to`. The caller's end is ends[0] of the result. */
struct link* network_call(const struct iocp_address* from,
                          const struct iocp_address* to);

/* The same at once, or not at all: then false, and the call is over. */
bool network_connects(struct link* link);

/* Aborts a connect. */
void network_hang_up(struct link* link);

/* ---- for the owner of an end */

/* Bytes that can be received; bytes that there is room for. */
uint32_t end_readable(const struct end* end);
uint32_t end_room(const struct end* end);

/* Bytes are dropped, and later ones are sent all the same. */
void end_drop(struct end* end);

/* True if bytes or a FIN would reach the other end behind a gap. */
bool end_has_hole(const struct end* end);

/* True if bytes, the FIN or a reset have arrived. */
bool end_has_news(const struct end* end);

/* Both transfer as much as there is, or is room for. */
uint32_t end_receive(struct end* end, uint8_t* bytes, uint32_t length);
uint32_t end_send(struct end* end, const uint8_t* bytes, uint32_t length);

/* Lets all that is in transit to the end arrive. */
void end_hurry(struct end* end);

void end_finish(struct end* end); /* FIN */
void end_reset(struct end* end);  /* RST, and the owner has closed the end */
void end_close(struct end* end);  /* FIN, or RST when something is unread */

#endif /* MODEL_NETWORK_H */
