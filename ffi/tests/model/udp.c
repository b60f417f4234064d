/* SPDX-License-Identifier: MIT */
#include "udp.h"

#include <stdlib.h>
#include <string.h>
#include <ws2tcpip.h>

#include "datagram.h"
#include "habits.h"
#include "listening.h"
#include "network.h"
#include "report.h"
#include "sock.h"
#include "tape.h"
#include "world.h"

/* SO_RCVBUF and SO_SNDBUF before they are set. */
#define UDP__BUFFER 65536

/* On another machine. */
struct udp_peer {
  struct list_node node;
  struct iocp_address address;
  struct list_node queue;
};

static struct {
  struct list_node transit;
  uint32_t count;
  struct list_node peers;
} udp;

void udp_open_all(void) {
  list_open(&udp.transit);
  list_open(&udp.peers);
  udp.count = 0;
}

static void udp__free_all(struct list_node* list) {
  while (!list_is_empty(list))
    free(LIST_ENTRY(list_shift(list), struct udp_datagram, node));
}

void udp_close_all(void) {
  udp__free_all(&udp.transit);
  while (!list_is_empty(&udp.peers))
    udp_peer_close(LIST_ENTRY(udp.peers.next, struct udp_peer, node));
}

struct udp* udp_new(void) {
  struct udp* made = calloc(1, sizeof *made);
  if (made == NULL) abort();
  list_open(&made->queue);
  made->reports_reset = made->reports_expired = true;
  made->receive_buffer = made->send_buffer = UDP__BUFFER;
  return made;
}

void udp_discard(struct udp* of) {
  udp__free_all(&of->queue);
  of->queued_bytes = 0;
}

void udp_free(struct udp* of) {
  if (of == NULL) return;
  udp_discard(of);
  free(of);
}

struct udp_datagram* udp_pop(struct udp* of) {
  if (list_is_empty(&of->queue)) return NULL;
  struct udp_datagram* first =
      LIST_ENTRY(list_shift(&of->queue), struct udp_datagram, node);
  of->queued_bytes -= first->length;
  return first;
}

/* ---- addresses */

struct iocp_address udp_plain(const struct iocp_address* address) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  struct iocp_address plain = *address;
  if (address->family != 6 || memcmp(address->bytes, mapped, 12) != 0)
    return plain;
  plain = (struct iocp_address){.family = 4, .port = address->port};
  memcpy(plain.bytes, address->bytes + 12, 4);
  return plain;
}

bool udp_is_group(const struct iocp_address* address) {
  return address->family == 4 ? (address->bytes[0] & 0xf0) == 0xe0
                              : address->bytes[0] == 0xff;
}

bool udp_is_broadcast(const struct iocp_address* address) {
  static const uint8_t ones[4] = {255, 255, 255, 255};
  return address->family == 4 && memcmp(address->bytes, ones, 4) == 0;
}

struct iocp_address udp_source(const struct iocp_address* local,
                               const struct iocp_address* to) {
  struct iocp_address source = udp_plain(local);
  if (!address_is_any(local)) return source;
  source = (struct iocp_address){.family = to->family, .port = local->port};
  if (address_is_link_local(to)) {
    memcpy(source.bytes, to->bytes, sizeof to->bytes);
    source.scope = to->scope;
    return source;
  }
  if (to->family == 4) source.bytes[0] = 127;
  source.bytes[to->family == 4 ? 3 : 15] = 1;
  return source;
}

static bool udp__is_equal(const struct iocp_address* a,
                          const struct iocp_address* b) {
  return a->family == b->family && a->port == b->port && address_is_same(a, b);
}

/* ---- sending */

static struct udp_datagram* udp__new(enum udp_kind kind,
                                     const struct iocp_address* from,
                                     const struct iocp_address* to,
                                     const uint8_t* bytes,
                                     uint32_t length) {
  struct udp_datagram* made = malloc(sizeof *made + length);
  if (made == NULL) abort();
  memset(made, 0, sizeof *made);
  made->kind = kind;
  made->from = *from;
  made->to = *to;
  made->length = length;
  if (length != 0) memcpy(made->bytes, bytes, length);
  return made;
}

static void udp__enter(struct udp_datagram* datagram) {
  list_push(&udp.transit, &datagram->node);
  udp.count++;
}

void udp_send(struct sock* sender,
              const struct iocp_address* from,
              const struct iocp_address* to,
              uint32_t out_interface,
              const uint8_t* bytes,
              uint32_t length) {
  struct udp_datagram* datagram = udp__new(UDP_DATA, from, to, bytes, length);
  datagram->out_interface = out_interface;
  datagram->sender = sender;
  if (sender != NULL) {
    sender->object.holds++;
    sender->udp->transit_bytes += length;
  }
  udp__enter(datagram);
}

uint32_t udp_count(void) { return udp.count; }

/* ---- arriving */

static bool udp__is_open(const struct sock* sock) {
  return sock->udp != NULL && sock->is_open && sock->state == SOCK_BOUND;
}

/* Whether the socket is bound to the destination. */
static bool udp__is_at(const struct sock* sock, const struct iocp_address* to) {
  if (!udp__is_open(sock) || sock->local.port != to->port) return false;
  struct iocp_address local = udp_plain(&sock->local);
  if (!address_is_any(&sock->local))
    return local.family == to->family && address_is_same(&local, to);
  return sock->family == to->family || (sock->family == 6 && !sock->is_v6_only);
}

/* "Any datagrams received from an address other than the destination address
 * specified will be discarded" (connect()). */
static bool udp__may_receive(const struct sock* sock,
                             const struct udp_datagram* datagram) {
  return !sock->udp->is_connected ||
         udp__is_equal(&sock->udp->peer, &datagram->from);
}

/* Appends a copy to the queue of a socket, or drops it. */
static void udp__queue(struct sock* sock, const struct udp_datagram* datagram) {
  struct udp* of = sock->udp;
  if (of->queued_bytes + datagram->length > (uint32_t)of->receive_buffer &&
      list_is_empty(&sock->receives)) {
    TRACE("  a datagram is dropped: no room at port %u", sock->local.port);
    return;
  }
  struct udp_datagram* copy = udp__new(datagram->kind,
                                       &datagram->from,
                                       &datagram->to,
                                       datagram->bytes,
                                       datagram->length);
  list_push(&of->queue, &copy->node);
  of->queued_bytes += copy->length;
  datagram_moved(sock);
}

static void udp__reply(const struct udp_datagram* datagram,
                       enum udp_kind kind) {
  if (datagram->sender == NULL || tape_choose(3) == 2) return;
  struct udp_datagram* reply =
      udp__new(kind, &datagram->to, &datagram->from, NULL, 0);
  reply->sender = datagram->sender;
  reply->sender->object.holds++;
  udp__enter(reply);
}

static struct udp_peer* udp__peer_at(const struct iocp_address* to) {
  for (struct list_node* node = udp.peers.next; node != &udp.peers;
       node = node->next) {
    struct udp_peer* peer = LIST_ENTRY(node, struct udp_peer, node);
    if (udp__is_equal(&peer->address, to)) return peer;
  }
  return NULL;
}

static void udp__arrive_at_one(const struct udp_datagram* datagram) {
  struct sock* best = NULL;
  struct udp_peer* peer = udp__peer_at(&datagram->to);
  if (peer != NULL) {
    struct udp_datagram* copy = udp__new(UDP_DATA,
                                         &datagram->from,
                                         &datagram->to,
                                         datagram->bytes,
                                         datagram->length);
    list_push(&peer->queue, &copy->node);
    return;
  }
  for (struct sock* sock = sock_next(NULL); sock != NULL;
       sock = sock_next(sock)) {
    if (!udp__is_at(sock, &datagram->to)) continue;
    if (best == NULL || !address_is_any(&sock->local)) best = sock;
  }
  if (best == NULL) {
    /* The addresses for documentation are behind a router. */
    bool is_own = address_is_own(&datagram->to);
    udp__reply(datagram,
               is_own || tape_choose(2) == 0 ? UDP_UNREACHABLE : UDP_EXPIRED);
  } else if (udp__may_receive(best, datagram)) {
    udp__queue(best, datagram);
  }
}

/* "The Winsock version of the IP_MULTICAST_LOOP option is semantically
 * different": it applies to the socket that receives. */
static bool udp__is_member(const struct sock* sock,
                           const struct udp_datagram* datagram) {
  const struct udp* of = sock->udp;
  if (sock->local.port != datagram->to.port ||
      (datagram->sender != NULL &&
       sock->family_options[IP_MULTICAST_LOOP] == 0))
    return false;
  for (uint32_t i = 0; i < of->membership_count; i++) {
    const struct udp_membership* one = &of->memberships[i];
    if (one->group.family != datagram->to.family ||
        !address_is_same(&one->group, &datagram->to) ||
        one->interface_index != datagram->out_interface)
      continue;
    if (one->source.family == 0 ||
        address_is_same(&one->source, &datagram->from))
      return true;
  }
  return false;
}

static void udp__arrive_at_many(const struct udp_datagram* datagram) {
  bool is_group = udp_is_group(&datagram->to);
  struct sock* next;
  for (struct sock* sock = sock_next(NULL); sock != NULL; sock = next) {
    next = sock_next(sock);
    if (!udp__is_open(sock) || !udp__may_receive(sock, datagram)) continue;
    bool takes = is_group ? udp__is_member(sock, datagram)
                          : sock->local.port == datagram->to.port &&
                                address_is_any(&sock->local) &&
                                udp__is_at(sock, &datagram->to);
    if (takes) udp__queue(sock, datagram);
  }
}

/* An ICMP message reaches the sender of the datagram that it is about. */
static void udp__arrive_error(const struct udp_datagram* message) {
  struct sock* sock = message->sender;
  if (!udp__is_open(sock)) return;
  if (message->kind == UDP_UNREACHABLE ? !sock->udp->reports_reset
                                       : !sock->udp->reports_expired)
    return;
  TRACE("  an ICMP message arrives at port %u", sock->local.port);
  udp__queue(sock, message);
}

static void udp__arrive(const struct udp_datagram* datagram) {
  if (datagram->kind != UDP_DATA) {
    udp__arrive_error(datagram);
    return;
  }
  if (habits_fault(habits.losses)) {
    TRACE("  a datagram from port %u is lost", datagram->from.port);
    return;
  }
  TRACE("  a datagram arrives: port %u to port %u, %u bytes",
        datagram->from.port,
        datagram->to.port,
        datagram->length);
  if (udp_is_group(&datagram->to) || udp_is_broadcast(&datagram->to))
    udp__arrive_at_many(datagram);
  else
    udp__arrive_at_one(datagram);
}

void udp_step(void) {
  uint32_t index = habits_fault(habits.reorders) ? tape_choose(udp.count) : 0;
  struct list_node* node = udp.transit.next;
  while (index-- != 0) node = node->next;
  struct udp_datagram* datagram = LIST_ENTRY(node, struct udp_datagram, node);
  list_remove(node);
  udp.count--;
  udp__arrive(datagram);
  struct sock* sender = datagram->sender;
  if (sender != NULL) {
    sender->udp->transit_bytes -= datagram->length;
    datagram_has_room(sender);
    sock_op_ended(sender);
  }
  free(datagram);
}

/* ---- other machines */

struct udp_peer* udp_peer_new(uint16_t family,
                              struct iocp_address* address_out) {
  struct udp_peer* peer = calloc(1, sizeof *peer);
  if (peer == NULL) abort();
  list_open(&peer->queue);
  peer->address =
      (struct iocp_address){.family = family, .port = network_new_port()};
  if (family == 4) peer->address.bytes[0] = 127;
  peer->address.bytes[family == 4 ? 3 : 15] = 1;
  list_push(&udp.peers, &peer->node);
  *address_out = peer->address;
  return peer;
}

void udp_peer_close(struct udp_peer* peer) {
  udp__free_all(&peer->queue);
  list_remove(&peer->node);
  free(peer);
}

bool udp_peer_send(struct udp_peer* peer,
                   const struct iocp_address* to,
                   const uint8_t* bytes,
                   uint32_t length) {
  struct iocp_address plain = udp_plain(to);
  struct iocp_address from = udp_source(&peer->address, &plain);
  udp_send(NULL, &from, &plain, 1, bytes, length);
  return true;
}

int32_t udp_peer_receive(struct udp_peer* peer,
                         uint8_t* buffer,
                         uint32_t length,
                         struct iocp_address* from_out) {
  if (list_is_empty(&peer->queue)) return PEER_WOULD_BLOCK;
  struct udp_datagram* first =
      LIST_ENTRY(list_shift(&peer->queue), struct udp_datagram, node);
  RULE("the simulation has room for datagrams", first->length <= length);
  memcpy(buffer, first->bytes, first->length);
  *from_out = first->from;
  int32_t count = (int32_t)first->length;
  free(first);
  return count;
}

/* A UDP datagram of more than 65,535 bytes is a jumbogram (RFC 2675, 4). */
uint32_t world_datagram_max(uint16_t family) {
  return family == 4 ? UDP_MAX_V4 : 80000;
}

bool world_reorders_datagrams(void) { return habits.reorders != 0; }

bool world_reports_unconnected(void) {
  return habits.has_broken || habits.lacks_udp_reports;
}
