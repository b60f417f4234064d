/* SPDX-License-Identifier: MIT */
/* The peers of datagram sockets, and the last datagrams of a schedule. */
#include <string.h>

#include "datagrams.h"
#include "report.h"
#include "tape.h"
#include "user.h"
#include "user_datagram.h"

/* More than the library delivers at a time. */
#define USER__BURST 40
#define USER__PROBE_MS 3000
#define USER__PROBE_AGAIN 40

/* ---- peers */

uint32_t user_datagram_length(void) {
  switch (tape_choose(10)) {
    case 9:
      return 60000 + tape_choose(10000);
    case 8:
      return 65507 + tape_choose(2);
    case 7:
      return 0;
    case 6:
      return tape_choose(9);
    case 5:
      return tape_choose(20000);
    default:
      return 4 + tape_choose(1200);
  }
}

struct endpoint* user_datagram_peer(void) {
  struct iocp_address address;
  struct endpoint* peer = datagrams_choose(false);
  if (peer != NULL && tape_choose(4) != 0) return peer;
  if (datagrams.endpoint_count == DATAGRAMS_ENDPOINTS) return peer;
  struct udp_peer* made = udp_peer_new(tape_choose(3) == 1 ? 6 : 4, &address);
  if (made == NULL) return peer;
  peer = datagrams_endpoint(&address);
  peer->peer = made;
  return peer;
}

void user_peer_acts(void) {
  struct endpoint* peer = user_datagram_peer();
  struct endpoint* at = datagrams_choose(true);
  if (tape_chance(30) && peer != NULL) {
    TRACE("the peer at port %u closes", peer->address.port);
    datagrams_close_peer(peer);
    return;
  }
  datagrams_receive_all();
  if (peer == NULL || at == NULL) return;
  uint32_t most = world_datagram_max(peer->address.family);
  bool is_burst = tape_chance(40);
  uint32_t count = is_burst ? USER__BURST : 1 + tape_choose(6);
  if (is_burst) user_set_to(at->entry, IOCP_RECEIVE_DEPTH, 64);
  for (uint32_t i = count; i != 0; i--) {
    if (!datagrams_has_room(1)) return;
    uint32_t length = tape_chance(60) ? most : user_datagram_length();
    if (is_burst) length = 100;
    struct iocp_address to = at->address;
    if (world_is_exact() && tape_choose(6) == 5) {
      to = datagrams_group(peer->address.family);
      to.port = at->address.port;
    } else {
      static const uint8_t zeros[16];
      if (to.family != peer->address.family ||
          memcmp(to.bytes, zeros, sizeof zeros) == 0) {
        to = user_datagram_at(peer->address.family, false);
        to.port = at->address.port;
      }
    }
    if (length > most) length = most;
    datagrams_record(peer, &to, user_datagram_bytes, length);
    TRACE("the peer at port %u sends %u bytes to port %u",
          peer->address.port,
          length,
          to.port);
    if (!udp_peer_send(peer->peer, &to, user_datagram_bytes, length))
      datagrams.sent_count--;
  }
}

/* ---- at the end */

static struct endpoint* user__prober(uint16_t family) {
  struct iocp_address address = {.family = family, .port = DATAGRAMS_UNNAMED};
  for (uint32_t i = 0; i < datagrams.endpoint_count; i++) {
    struct endpoint* peer = &datagrams.endpoints[i];
    if (peer->peer != NULL && peer->is_open && peer->address.family == family)
      return peer;
  }
  if (datagrams.endpoint_count == DATAGRAMS_ENDPOINTS) return NULL;
  struct udp_peer* made = udp_peer_new(family, &address);
  if (made == NULL) return NULL;
  struct endpoint* peer = datagrams_endpoint(&address);
  peer->peer = made;
  return peer;
}

static void user__probe(struct endpoint* at) {
  struct entry* entry = at->entry;
  if (datagrams_is_unix(at) && at->address.port == DATAGRAMS_UNNAMED) return;
  struct endpoint* peer = user__prober(at->address.family);
  if (peer == NULL) return;
  if (at->is_connected) {
    int32_t result =
        iocp_connect_datagram(user_datagram_port(entry), entry->id, NULL);
    RULE("a connection is dissolved", error_is_fault(result) || result == 0);
    if (result < 0) return;
    at->is_connected = false;
  }
  struct iocp_address to = at->address;
  if (!datagrams_is_unix(at)) {
    to = user_datagram_at(at->address.family, false);
    to.port = at->address.port;
  }
  uint64_t since_ms = world_now_ms();
  bool is_seen = false;
  for (uint32_t round = 0; !is_seen; round++) {
    if (entry->credit == 0 && !entry->is_read_armed) {
      if (tape_choose(2) == 0)
        user_datagram_receive(entry, 1 << 20);
      else
        user_receive_from(entry, 65536);
    }
    user_poll(entry->port);
    if (round % USER__PROBE_AGAIN == 1 && datagrams_has_room(1)) {
      datagrams_record(peer, &to, user_datagram_bytes, 100);
      if (!udp_peer_send(peer->peer, &to, user_datagram_bytes, 100))
        datagrams.sent_count--;
    }
    uint32_t bit = 1u << (at - datagrams.endpoints);
    is_seen = datagrams.sent_count != 0 &&
              (datagrams.sent[datagrams.sent_count - 1].seen & bit) != 0;
    RULE("an open socket receives the datagrams that are sent to it",
         world_now_ms() - since_ms < USER__PROBE_MS || !datagrams_has_room(1));
    if (!datagrams_has_room(1)) return;
    world_pause(1);
  }
}

void user_probe_datagrams(void) {
  for (uint32_t i = 0; i < datagrams.endpoint_count; i++) {
    struct endpoint* at = &datagrams.endpoints[i];
    if (at->entry != NULL && at->is_open && !at->entry->is_closing &&
        ledger.ports[at->entry->port].is_open)
      user__probe(at);
  }
}
