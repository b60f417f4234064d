/* SPDX-License-Identifier: MIT */
#include "guests.h"

#include <stddef.h>
#include <string.h>

#include "datagrams.h"
#include "report.h"
#include "sharers.h"
#include "tape.h"

#define GUESTS__BUFFER 65536

static uint8_t guests__bytes[GUESTS__BUFFER];

static int guests__index(const struct guest* guest) {
  return (int)(guest - ledger.guests);
}

struct host* guests_host(enum peer_manner manner, uint16_t family) {
  for (uint32_t i = 0; i < ledger.host_count; i++) {
    struct host* host = &ledger.hosts[i];
    if (host->manner == manner && host->address.family == family) return host;
  }
  if (ledger.host_count == LEDGER_HOSTS) return NULL;
  struct peer_listener* listener = peer_listen(manner, family);
  if (listener == NULL) return NULL;
  struct host* host = &ledger.hosts[ledger.host_count++];
  host->local = 0;
  host->listener = listener;
  host->manner = manner;
  peer_listener_address(listener, &host->address);
  return host;
}

struct host* guests_local_host(enum peer_manner manner, uint16_t local) {
  struct iocp_path name;
  uint32_t path = ledger_host_path(manner);
  for (uint32_t i = 0; i < ledger.host_count; i++) {
    struct host* host = &ledger.hosts[i];
    if (host->local == local && host->path == path) return host;
  }
  if (ledger.host_count == LEDGER_HOSTS) return NULL;
  ledger_path(local, path, &name);
  struct peer_listener* listener = peer_listen_path(manner, &name);
  if (listener == NULL) return NULL;
  struct host* host = &ledger.hosts[ledger.host_count++];
  memset(host, 0, sizeof *host);
  host->local = local;
  host->path = path;
  host->listener = listener;
  host->manner = manner;
  return host;
}

static struct guest* guests__add(struct peer* peer, struct end* end) {
  struct guest* guest = &ledger.guests[ledger.guest_count];
  RULE("the simulation has room for guests", end != NULL);
  ledger.guest_count++;
  memset(guest, 0, sizeof *guest);
  guest->peer = peer;
  guest->end = end;
  guest->is_silent = true;
  guest->since_ms = world_now_ms();
  return guest;
}

/* Some write at once, before the library can have seen them, and some of these
 * close at once too. */
static struct guest* guests__connect_path(struct entry* listener) {
  struct iocp_path name;
  uint8_t bytes[64];
  uint32_t length = tape_choose(3) == 0 ? 1 + tape_choose(sizeof bytes) : 0;
  bool closes = length != 0 && !ledger.is_settling && tape_chance(200);
  struct end* end =
      ledger_local_end(false, false, listener->local, listener->path);
  if (end == NULL) return NULL;
  ledger_path(listener->local, listener->path, &name);
  bytes_fill(end, 0, bytes, length);
  struct peer* peer = peer_connect_path(&name, bytes, length, closes);
  if (peer == NULL) return NULL;
  struct guest* guest = guests__add(peer, end);
  end->sent = length;
  end->has_fin = closes;
  if (closes) end->resets_from_ms = 0;
  guest->has_fin = closes;
  guest->is_silent = length == 0;
  guest->listener = listener;
  TRACE("guest %d opens a path of listener %d.%d, with %u bytes%s",
        guests__index(guest),
        listener->port,
        listener->id,
        length,
        closes ? ", and closes" : "");
  return guest;
}

struct guest* guests_connect(struct entry* listener) {
  struct iocp_address to = listener->address;
  static const uint8_t wildcard[16];
  if (ledger.guest_count == LEDGER_GUESTS || !ledger_has_room()) return NULL;
  if (listener->local != 0) return guests__connect_path(listener);
  to = datagrams_plain(&to);
  if (memcmp(to.bytes, wildcard, sizeof wildcard) == 0) {
    /* A wildcard address; an IPv6 one may accept IPv4 too. */
    if (to.family == 6 && (listener->flags & IOCP_IPV6_ONLY) == 0 &&
        tape_choose(2) != 0)
      to.family = 4;
    if (to.family == 4) to.bytes[0] = 127;
    to.bytes[to.family == 4 ? 3 : 15] = 1;
  }
  struct peer* peer = peer_connect(&to);
  if (peer == NULL) return NULL;
  struct guest* guest = guests__add(peer, ledger_end(false, false));
  guest->listener = listener;
  guest->end->server_port = to.port;
  TRACE("guest %d connects to listener %d.%d",
        guests__index(guest),
        listener->port,
        listener->id);
  return guest;
}

/* ---- what happens to them */

static void guests__opened(struct guest* guest) {
  struct iocp_address own, other;
  guest->is_open = true;
  TRACE("guest %d is connected", guests__index(guest));
  if (guest->end->local != 0) return;
  peer_addresses(guest->peer, &own, &other);
  if (guest->end->is_server)
    ledger_set_addresses(guest->end, &other, own.port);
  else
    ledger_set_addresses(guest->end, &own, other.port);
}

/* Nothing but the close of its listener may end a connection that was not
 * reported: another process may accept it. */
static void guests__check_lost(const struct guest* guest) {
  sharers_collect();
  if (guest->listener == NULL || guest->listener->local != 0 ||
      guest->end->other != NULL || guest->may_be_lost || world_has_broken() ||
      world_has_raced())
    return;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->kind == ENTRY_LISTENER &&
        entry->address.port == guest->end->server_port &&
        (entry->had_first_byte_ms || entry->has_deferred))
      return;
  }
  report_violation("a connection that was not reported is not lost",
                   "guest %d",
                   guests__index(guest));
}

static void guests__met_reset(struct guest* guest) {
  TRACE("guest %d is reset", guests__index(guest));
  guests__check_lost(guest);
  guest->is_gone = true;
  end_was_reset(guest->end);
  peer_reset(guest->peer);
}

/* The connection may have been made before it failed unseen. */
static void guests__failed(struct guest* guest) {
  const struct entry* listener = guest->listener;
  TRACE("guest %d has failed", guests__index(guest));
  /* The file of a unix socket that was passed is left to its maker, which may
   * have closed it. */
  if (listener != NULL && listener->local != 0 &&
      !ledger.is_taken[listener->path])
    RULE("a listener can be found by its name while it is open",
         !peer_found_nothing(guest->peer) || listener->is_closing ||
             listener->is_closed || world_has_broken() ||
             (listener->is_part && listener->share->is_over));
  guest->is_gone = true;
  guest->end->resets_from_ms = 0;
  peer_reset(guest->peer);
}

static void guests__enter(struct host* host) {
  struct peer* peer;
  while (ledger.guest_count < LEDGER_GUESTS &&
         (peer = peer_accept(host->listener)) != NULL)
    guests__opened(
        guests__add(peer,
                    host->local != 0
                        ? ledger_local_end(false, true, host->local, host->path)
                        : ledger_end(false, true)));
}

void guests_look(void) {
  sharers_collect();
  for (uint32_t i = 0; i < ledger.host_count; i++)
    if (ledger.hosts[i].manner == PEER_ACCEPTS) guests__enter(&ledger.hosts[i]);
  for (uint32_t i = 0; i < ledger.guest_count; i++) {
    struct guest* guest = &ledger.guests[i];
    if (guest->is_open || guest->is_gone) continue;
    enum peer_state state = peer_state(guest->peer);
    if (state == PEER_OPEN) guests__opened(guest);
    if (state == PEER_CLOSED) {
      guest->is_open = guest->is_gone = true;
      peer_close(guest->peer);
    }
    if (state == PEER_FAILED) guests__failed(guest);
  }
}

/* ---- what they do */

uint32_t guest_send(struct guest* guest, uint32_t length) {
  struct end* end = guest->end;
  if (guest->has_fin) return 0;
  if (length > GUESTS__BUFFER) length = GUESTS__BUFFER;
  bytes_fill(end, end->sent, guests__bytes, length);
  int32_t count = peer_send(guest->peer, guests__bytes, length);
  TRACE("guest %d sends %u: %d", guests__index(guest), length, count);
  if (count == PEER_NOT_READ) {
    RULE("a peer is read from until it has ended, or the connection is closed",
         end->other == NULL || end->other->has_fin ||
             end->other->resets_from_ms <= world_now_ms() ||
             world_has_broken());
    guest->has_fin = guest->is_unread = true;
    end->has_fin = true;
  }
  if (count == PEER_RESET) guests__met_reset(guest);
  if (count <= 0) return 0;
  guest->is_silent = false;
  end->sent += (uint32_t)count;
  return (uint32_t)count;
}

bool guest_receive(struct guest* guest, uint32_t length) {
  if (guest->end->has_ended) return false;
  if (length > GUESTS__BUFFER) length = GUESTS__BUFFER;
  int32_t count = peer_receive(guest->peer, guests__bytes, length);
  if (count == PEER_WOULD_BLOCK) return false;
  TRACE("guest %d receives up to %u: %d", guests__index(guest), length, count);
  if (count > 0) bytes_received(guest->end, guests__bytes, (uint32_t)count);
  /* A connection that was not accepted is reset, so that the peer does not take
   * its bytes for received. */
  if (count == 0) sharers_collect();
  if (count == 0 && guest->listener != NULL && !world_has_broken() &&
      !world_has_raced() && guest->end->local == 0)
    RULE("a connection that is discarded unreported is reset",
         guest->end->other != NULL);
  if (count == 0) end_ended(guest->end);
  if (count == PEER_RESET) guests__met_reset(guest);
  return true;
}

void guest_shutdown(struct guest* guest) {
  if (guest->has_fin) return;
  /* A pipe has no half-close. A write of no bytes looks like one to a careless
   * reader. */
  if (guest->end->local == IOCP_PIPE) {
    TRACE("guest %d writes nothing", guests__index(guest));
    peer_send(guest->peer, guests__bytes, 0);
    return;
  }
  TRACE("guest %d shuts down", guests__index(guest));
  guest->has_fin = true;
  guest->is_silent = false;
  guest->end->has_fin = true;
  peer_shutdown(guest->peer);
}

/* Anything that arrives from now on is answered with a reset. */
void guest_close(struct guest* guest) {
  TRACE("guest %d closes", guests__index(guest));
  guest->is_gone = true;
  guest->end->has_fin = true;
  guest->end->was_closed = true;
  guest->end->resets_from_ms = 0;
  peer_close(guest->peer);
}

void guest_reset(struct guest* guest) {
  TRACE("guest %d resets", guests__index(guest));
  guest->is_gone = true;
  /* A reset is not a clean end, unless a FIN was sent before. */
  guest->end->resets_from_ms = 0;
  if (end_may_truncate(guest->end)) guest->end->has_fin = true;
  peer_reset(guest->peer);
}

struct guest* guests_choose(void) {
  if (ledger.guest_count == 0) return NULL;
  /* Recent guests are the most interesting, so 0 is the last one. */
  uint32_t first = tape_choose(ledger.guest_count);
  for (uint32_t i = 0; i < ledger.guest_count; i++) {
    uint32_t at = (first + i) % ledger.guest_count;
    struct guest* guest = &ledger.guests[ledger.guest_count - 1 - at];
    if (guest->is_open && !guest->is_gone) return guest;
  }
  return NULL;
}

struct guest* guests_of(const struct entry* entry) {
  for (uint32_t i = 0; i < ledger.guest_count; i++) {
    struct guest* guest = &ledger.guests[i];
    if (guest->end == entry->end->other && guest->is_open && !guest->is_gone)
      return guest;
  }
  return NULL;
}

static uint32_t guests__size(void) {
  switch (tape_choose(6)) {
    case 0:
    case 1:
      return 1 + tape_choose(100);
    case 2:
    case 3:
      return 1 + tape_choose(2000);
    case 4:
      return 1 + tape_choose(8000);
    default:
      return 1 + tape_choose(GUESTS__BUFFER);
  }
}

void guests_act(void) {
  guests_look();
  struct guest* guest = guests_choose();
  if (guest == NULL) return;
  uint32_t what = tape_choose(100);
  if (what < 45)
    guest_send(guest, guests__size());
  else if (what < 80)
    guest_receive(guest, guests__size());
  else if (what < 90)
    guest_shutdown(guest);
  else if (what < 94)
    guest_close(guest);
  else
    guest_reset(guest);
}

bool guests_read_all(void) {
  bool has_come = false;
  guests_look();
  for (uint32_t i = 0; i < ledger.guest_count; i++) {
    struct guest* guest = &ledger.guests[i];
    if (!guest->is_open) continue;
    while (!guest->is_gone && guest_receive(guest, GUESTS__BUFFER))
      has_come = true;
  }
  return has_come;
}
