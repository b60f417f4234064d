/* SPDX-License-Identifier: MIT */
/* Datagrams of unix sockets: names of files and abstract ones, senders without
 * a name, full queues, files that are left over, and peers that go. */
#include <string.h>

#include "datagrams.h"
#include "progress.h"
#include "report.h"
#include "tape.h"
#include "user.h"
#include "user_datagram.h"

/* More than the queue of a socket holds by default (net.unix.max_dgram_qlen).
 */
#define UNIX__BURST 16
#define UNIX__MANY 6
/* A few of such steps, and what waits does not fit into the smallest slab. */
#define UNIX__STEP 600
#define UNIX__POLLS 4
#define UNIX__WAITS 50
#define UNIX__WAIT_MS 20
/* Shorter ones fit in every send buffer of the simulation. */
#define UNIX__FITS 1500

/* ---- names */

static bool unix__has_file(const struct iocp_address* address) {
  struct iocp_path path;
  datagrams_name(address, &path);
  return path.bytes[0] != 0;
}

/* A new name, or none. */
static struct iocp_address unix__address(void) {
  uint32_t number = DATAGRAMS_NAMES + datagrams.endpoint_count;
  if (tape_choose(5) == 4) number = DATAGRAMS_UNNAMED;
  return (struct iocp_address){.family = IOCP_UNIX, .port = (uint16_t)number};
}

/* The latest socket with a name. */
static const struct endpoint* unix__owner(const struct iocp_address* address) {
  for (uint32_t i = datagrams.endpoint_count; i-- != 0;)
    if (datagrams_is_unix(&datagrams.endpoints[i]) &&
        datagrams.endpoints[i].address.port == address->port)
      return &datagrams.endpoints[i];
  return NULL;
}

/* Of any unix socket so far that has a name; NULL: there is none. */
static const struct endpoint* unix__any(void) {
  uint32_t count = datagrams.endpoint_count;
  uint32_t first = count == 0 ? 0 : tape_choose(count);
  for (uint32_t i = 0; i < count; i++) {
    const struct endpoint* one = &datagrams.endpoints[(first + i) % count];
    if (datagrams_is_unix(one) && one->address.port != DATAGRAMS_UNNAMED)
      return one;
  }
  return NULL;
}

/* ---- making sockets */

static void unix__check_name(const struct entry* entry) {
  struct iocp_path name, expected = {.family = IOCP_UNIX};
  const struct endpoint* at = entry->endpoint;
  if (entry->is_closing || entry->is_closed) return;
  if (at->address.port != DATAGRAMS_UNNAMED)
    datagrams_name(&at->address, &expected);
  int32_t result = iocp_get_address(
      user_datagram_port(entry), entry->id, IOCP_LOCAL, &name, sizeof name);
  RULE("a unix socket has the name that it was bound to",
       result == 4 + expected.length && name.family == IOCP_UNIX &&
           name.length == expected.length &&
           memcmp(name.bytes, expected.bytes, expected.length) == 0);
}

static void unix__bind_failed(const struct endpoint* owner,
                              const struct iocp_address* address,
                              uint32_t flags,
                              int32_t result) {
  if (error_is_fault(result)) return;
  bool is_left = owner != NULL && owner->peer == NULL && owner->entry == NULL &&
                 unix__has_file(address);
  bool is_open = owner != NULL && owner->is_open;
  /* The folder is locked while another socket file is made; and what cannot be
   * asked whether it is left over stays. */
  RULE("a name that is free can be bound",
       ERROR_IS(result, IOCP_EADDRINUSE) &&
           (is_open || (is_left && (flags == 0 || !ledger.is_calm))));
}

static void unix__bind(uint32_t port) {
  if (!ledger_has_room() ||
      datagrams.endpoint_count >= DATAGRAMS_ENDPOINTS - USER_DATAGRAM_PEERS)
    return;
  struct iocp_path name = {.family = IOCP_UNIX};
  struct iocp_address address = unix__address();
  /* That of an earlier socket, or of one that is open. */
  const struct endpoint* other = tape_choose(3) == 2 ? unix__any() : NULL;
  if (other != NULL) address = other->address;
  const struct endpoint* owner =
      address.port == DATAGRAMS_UNNAMED ? NULL : unix__owner(&address);
  if (address.port != DATAGRAMS_UNNAMED) datagrams_name(&address, &name);
  uint32_t flags = tape_choose(2) == 0 ? IOCP_REPLACE_STALE : 0;
  int32_t id =
      iocp_bind(ledger.ports[port].id, &name, flags, IOCP_MODE_DEFAULT);
  TRACE("iocp_bind(%u, name %u, flags %u): %d", port, address.port, flags, id);
  if (id < 0) {
    unix__bind_failed(owner, &address, flags, id);
    return;
  }
  RULE("a name in use cannot be bound",
       owner == NULL || !datagrams_is_alive(owner));
  struct entry* entry = ledger_entry(port, id, ENTRY_DATAGRAM);
  entry->endpoint = datagrams_endpoint(&address);
  entry->endpoint->entry = entry;
  unix__check_name(entry);
}

/* ---- sending */

static uint32_t unix__length(void) {
  if (tape_choose(12) == 11) return 4 + tape_choose(100000);
  return 4 + tape_choose(1200);
}

/* NULL: the connected peer, if there is one. */
static const struct endpoint* unix__target(void) {
  if (tape_choose(4) == 3) return NULL;
  const struct endpoint* to = datagrams_choose_unix(tape_choose(3) != 2);
  if (to == NULL || to->address.port == DATAGRAMS_UNNAMED ||
      tape_choose(8) == 7)
    return unix__any();
  return to;
}

static const struct iocp_address* unix__destination(const struct endpoint* from,
                                                    const struct endpoint* to) {
  static const struct iocp_address none;
  if (to != NULL) return &to->address;
  return from->is_connected ? &from->partner->address : &none;
}

/* Without a destination it is the peer, which may be gone. */
static void unix__refused(struct entry* entry,
                          const struct endpoint* to,
                          uint32_t length,
                          int32_t result) {
  struct endpoint* from = entry->endpoint;
  const struct endpoint* at =
      to == NULL && from->is_connected ? from->partner : to;
  const struct endpoint* owner = at == NULL ? NULL : unix__owner(&at->address);
  if (result == -IOCP_EBUSY) {
    RULE("a send is refused only while others are pending",
         entry->send_count >= entry->concurrency);
    return;
  }
  if (result == -IOCP_ECONNREFUSED && to == NULL) from->is_connected = false;
  if (error_is_fault(result)) return;
  switch (-result) {
    case IOCP_EMSGSIZE:
      RULE("a datagram that fits is sent", length > UNIX__FITS);
      return;
    case IOCP_EDESTADDRREQ:
      RULE("a connected socket has a destination",
           to == NULL && (!from->is_connected || !datagrams_is_alive(at)));
      return;
    case IOCP_EACCES:
      RULE("an unconnected unix socket takes what is sent to it",
           owner != NULL && (owner->was_connected || !owner->is_open));
      return;
    case IOCP_ECONNRESET:
      RULE("a peer that has left its partner was connected",
           from->was_connected);
      return;
    case IOCP_ECONNREFUSED:
    case IOCP_ENOENT:
      RULE("an open unix socket is sent to",
           owner == NULL || !datagrams_is_alive(owner) || owner != at);
      return;
    default:
      report_violation(
          "a send to a unix socket fails with an expected error", "%d", result);
  }
}

/* Returns false when no more can be sent now. */
static bool unix__send(struct entry* entry,
                       const struct endpoint* to,
                       uint32_t length) {
  struct endpoint* from = entry->endpoint;
  struct iocp_path name;
  if (!datagrams_has_room(1)) return false;
  if (to != NULL) datagrams_name(&to->address, &name);
  datagrams_record(
      from, unix__destination(from, to), user_datagram_bytes, length);
  int32_t result = iocp_send_to(user_datagram_port(entry),
                                entry->id,
                                user_datagram_bytes,
                                0,
                                length,
                                to == NULL ? NULL : &name);
  bool is_pending = result > 0 && (result & IOCP_PENDING) != 0;
  TRACE("iocp_send_to(%d.%d, %u bytes to name %u): %s%d",
        entry->port,
        entry->id,
        length,
        to == NULL ? 0 : to->address.port,
        is_pending ? "pending " : "",
        result > 0 ? result & ~IOCP_PENDING : result);
  if (result < 0) datagrams.sent_count--;
  if (user_datagram_is_void(entry, result)) return false;
  if (result < 0) {
    unix__refused(entry, to, length, result);
    return false;
  }
  RULE("a datagram is sent whole",
       ((uint32_t)result & ~(uint32_t)IOCP_PENDING) == length);
  ledger.ports[entry->port].bytes_sent += length;
  if (is_pending) user_datagram_copied(entry, 1);
  return true;
}

/* Until the queue of the receiver is full, and beyond. */
static void unix__send_burst(struct entry* entry) {
  const struct endpoint* to = unix__target();
  for (uint32_t i = 0; i < UNIX__BURST; i++)
    if (!unix__send(entry, to, 4 + i)) return;
}

/* Packs several, with their records. Returns their size. */
static uint32_t unix__pack(const struct endpoint* from,
                           const struct endpoint* to,
                           uint32_t count) {
  struct iocp_path name = {.length = 0};
  uint32_t size = 0;
  if (to != NULL) datagrams_name(&to->address, &name);
  uint32_t padded = (name.length + 7u) & ~7u;
  for (; count != 0; count--) {
    struct iocp_datagram header = {.length = 4 + tape_choose(1200)};
    if (to != NULL) header.from.family = IOCP_UNIX;
    header.from.port = name.length;
    memcpy(user_datagram_bytes + size, &header, sizeof header);
    size += (uint32_t)sizeof header;
    memcpy(user_datagram_bytes + size, name.bytes, name.length);
    size += padded;
    datagrams_record(from,
                     unix__destination(from, to),
                     user_datagram_bytes + size,
                     header.length);
    size += (header.length + 7) & ~7u;
  }
  return size;
}

static void unix__send_many(struct entry* entry) {
  const struct endpoint* to = unix__target();
  uint32_t count = 1 + tape_choose(UNIX__MANY);
  uint32_t number = datagrams.sent_count;
  if (!datagrams_has_room(count)) return;
  uint32_t size = unix__pack(entry->endpoint, to, count);
  int32_t result = iocp_send_many(
      user_datagram_port(entry), entry->id, user_datagram_bytes, size, count);
  uint32_t taken = result < 0 ? 0 : (uint32_t)result & ~(uint32_t)IOCP_PENDING;
  bool is_pending = result > 0 && (result & IOCP_PENDING) != 0;
  TRACE("iocp_send_many(%d.%d, %u to name %u): %s%d",
        entry->port,
        entry->id,
        count,
        to == NULL ? 0 : to->address.port,
        is_pending ? "pending " : "",
        result < 0 ? result : (int32_t)taken);
  RULE("no more datagrams are taken than were offered", taken <= count);
  datagrams.sent_count = number + taken;
  if (user_datagram_is_void(entry, result)) return;
  if (result < 0) {
    unix__refused(entry, to, 0, result);
    return;
  }
  for (uint32_t i = 0; i < taken; i++)
    ledger.ports[entry->port].bytes_sent += datagrams.sent[number + i].length;
  if (is_pending) user_datagram_copied(entry, taken | DATAGRAMS_AT_MOST);
}

/* ---- connecting */

static void unix__connect(struct entry* entry) {
  struct endpoint* from = entry->endpoint;
  const struct endpoint* to = unix__target();
  struct iocp_path name;
  if (to != NULL) datagrams_name(&to->address, &name);
  int32_t result = iocp_connect_datagram(
      user_datagram_port(entry), entry->id, to == NULL ? NULL : &name);
  TRACE("iocp_connect_datagram(%d.%d, name %u): %d",
        entry->port,
        entry->id,
        to == NULL ? 0 : to->address.port,
        result);
  if (user_datagram_is_void(entry, result)) return;
  if (result == -IOCP_EBUSY) {
    RULE("a connect waits only for pending sends", entry->send_count != 0);
    return;
  }
  if (result < 0) {
    RULE("a connection is dissolved", to != NULL || error_is_fault(result));
    if (to != NULL) unix__refused(entry, to, 0, result);
    return;
  }
  from->is_connected = to != NULL;
  if (to == NULL) return;
  from->was_connected = true;
  from->connected_at = datagrams.sent_count;
  from->partner = unix__owner(&to->address);
}

/* ---- peers */

static struct endpoint* unix__peer(void) {
  struct endpoint* peer = datagrams_choose_unix(false);
  struct iocp_address address = unix__address();
  if (peer != NULL && tape_choose(4) != 0) return peer;
  if (datagrams.endpoint_count == DATAGRAMS_ENDPOINTS) return peer;
  struct udp_peer* made = udp_peer_new(IOCP_UNIX, &address);
  if (made == NULL) return peer;
  peer = datagrams_endpoint(&address);
  peer->peer = made;
  return peer;
}

static void unix__peer_acts(void) {
  struct endpoint* peer = unix__peer();
  const struct endpoint* to = datagrams_choose_unix(true);
  if (peer != NULL && tape_chance(100)) {
    TRACE("the peer with name %u closes", peer->address.port);
    datagrams_close_peer(peer);
    return;
  }
  if (tape_choose(3) != 2) datagrams_receive_all();
  if (peer == NULL || to == NULL || to->address.port == DATAGRAMS_UNNAMED)
    return;
  for (uint32_t i = 1 + tape_choose(UNIX__BURST); i != 0; i--) {
    if (!datagrams_has_room(1)) return;
    uint32_t length = unix__length();
    datagrams_record(peer, &to->address, user_datagram_bytes, length);
    bool is_sent =
        udp_peer_send(peer->peer, &to->address, user_datagram_bytes, length);
    TRACE("the peer with name %u sends %u bytes to name %u: %d",
          peer->address.port,
          length,
          to->address.port,
          is_sent);
    if (!is_sent) datagrams.sent_count--;
  }
}

/* ---- what the tape says */

void user_unix_act(struct entry* entry) {
  static const uint32_t rooms[] = {65536, 100, 0, 1500, 100000};
  switch (tape_choose(12)) {
    case 0:
    case 1:
      user_datagram_receive(entry, 1 + tape_choose(200000));
      return;
    case 2:
    case 3:
      user_receive_from(entry, rooms[tape_choose(5)]);
      return;
    case 4:
    case 5:
    case 6:
      unix__send(entry, unix__target(), unix__length());
      return;
    case 7:
      unix__send_burst(entry);
      return;
    case 8:
      unix__send_many(entry);
      return;
    case 9:
      unix__connect(entry);
      return;
    case 10:
      unix__check_name(entry);
      return;
    default:
      unix__peer_acts();
      return;
  }
}

void user_datagram_unix(uint32_t port) {
  const struct endpoint* at = datagrams_choose_unix(true);
  if (at == NULL || tape_choose(4) == 3)
    unix__bind(port);
  else if (tape_choose(3) == 2)
    unix__peer_acts();
  else
    user_unix_act(at->entry);
}

/* Until one has to wait for room: in the queue of the receiver, or in the send
 * buffer. Returns how many were accepted. */
static uint32_t unix__fill(struct entry* sender,
                           const struct endpoint* to,
                           uint32_t step) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < UNIX__BURST && sender->send_count == 0; i++) {
    if (!unix__send(sender, to, 4 + i * step)) break;
    count++;
  }
  return count;
}

/* Sockets for unix datagrams "are always reliable" (unix(7)), and what does not
 * fit into the slab of one poll comes with the next. */
static void unix__receive_all(struct entry* receiver, uint32_t count) {
  uint32_t before = receiver->endpoint->received;
  user_datagram_receive(receiver, 1 << 20);
  for (uint32_t i = 0; i < UNIX__POLLS; i++) user_poll_somehow(receiver->port);
  for (uint32_t i = 0; i < UNIX__WAITS; i++) {
    user_poll(receiver->port);
    if (receiver->endpoint->received - before >= count) break;
    user_wait(receiver->port, UNIX__WAIT_MS);
  }
  RULE("every datagram that a unix socket has accepted arrives",
       receiver->endpoint->received - before >= count);
}

void user_stall_unix(uint32_t port) {
  uint32_t first = ledger.entry_count;
  unix__bind(port);
  unix__bind(port);
  if (ledger.entry_count != first + 2) return;
  struct entry* receiver = &ledger.entries[first];
  struct entry* sender = receiver + 1;
  if (receiver->endpoint->address.port == DATAGRAMS_UNNAMED) return;
  uint32_t step = tape_choose(2) == 0 ? 1 : UNIX__STEP;
  uint32_t count = unix__fill(sender, receiver->endpoint, step);
  progress_idle(port);
  /* Nothing but the receiver itself can make room for what it sends to itself.
   */
  count += unix__fill(receiver, receiver->endpoint, step);
  if (tape_choose(2) == 0)
    user_close(receiver, IOCP_GRACEFUL, UINT32_MAX);
  else
    unix__receive_all(receiver, count);
}

void user_drain_unix(void) {
  for (uint32_t i = 0; i < datagrams.endpoint_count; i++) {
    const struct endpoint* at = &datagrams.endpoints[i];
    if (datagrams_is_unix(at) && at->entry != NULL && datagrams_is_alive(at) &&
        at->entry->credit == 0 && !at->entry->is_read_armed)
      user_datagram_receive(at->entry, 1 << 20);
  }
}
