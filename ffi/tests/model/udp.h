/* SPDX-License-Identifier: MIT */
/*
 * Datagrams: those in transit, and what a datagram socket holds. Nothing moves
 * by itself: udp_step() lets one datagram, or one ICMP message, arrive. It may
 * be lost on its way, or overtake others, if that is a habit of the network.
 */
#ifndef MODEL_UDP_H
#define MODEL_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"
#include "list.h"

struct sock;
struct udp_peer;

/* The longest payload of an IPv4 packet, and of an IPv6 one without a
 * jumbogram option. */
#define UDP_MAX_V4 65507u
#define UDP_MAX_V6 65527u

#define UDP_MEMBERSHIPS 8

enum udp_kind {
  UDP_DATA,
  UDP_UNREACHABLE, /* ICMP: nothing has that port */
  UDP_EXPIRED      /* ICMP: the TTL has expired in transit */
};

struct udp_datagram {
  struct list_node node;
  enum udp_kind kind;
  struct iocp_address from;
  struct iocp_address to;
  struct sock* sender;    /* holds it while it is in transit; or NULL */
  uint32_t out_interface; /* of a multicast one */
  uint32_t length;
  uint8_t bytes[];
};

struct udp_membership {
  struct iocp_address group;
  struct iocp_address source; /* family 0: any */
  uint32_t interface_index;
};

/* Of a datagram socket. */
struct udp {
  struct list_node queue; /* struct udp_datagram: arrived, and not received */
  uint32_t queued_bytes;
  uint32_t transit_bytes; /* sent, and still in transit */
  bool is_connected;
  struct iocp_address peer;
  bool reports_reset;   /* SIO_UDP_CONNRESET */
  bool reports_expired; /* SIO_UDP_NETRESET */
  int32_t may_broadcast;
  int32_t receive_buffer;
  int32_t send_buffer;
  uint32_t membership_count;
  struct udp_membership memberships[UDP_MEMBERSHIPS];
};

void udp_open_all(void);
void udp_close_all(void);

struct udp* udp_new(void);
void udp_free(struct udp* udp);

/* How many datagrams are in transit; one of them arrives. */
uint32_t udp_count(void);
void udp_step(void);

/* The address that others see as the sender of a datagram to `to`. */
struct iocp_address udp_source(const struct iocp_address* local,
                               const struct iocp_address* to);

/* Sends a datagram; `sender` is NULL for another machine. */
void udp_send(struct sock* sender,
              const struct iocp_address* from,
              const struct iocp_address* to,
              uint32_t out_interface,
              const uint8_t* bytes,
              uint32_t length);

/* Removes the oldest of the queue; the caller frees it. NULL: none. */
struct udp_datagram* udp_pop(struct udp* udp);
void udp_discard(struct udp* udp);

/* ::ffff:a.b.c.d as a.b.c.d. */
struct iocp_address udp_plain(const struct iocp_address* address);
bool udp_is_group(const struct iocp_address* address);
bool udp_is_broadcast(const struct iocp_address* address);

#endif /* MODEL_UDP_H */
