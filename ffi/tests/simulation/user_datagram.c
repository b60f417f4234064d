/* SPDX-License-Identifier: MIT */
/* Datagram sockets. */
#include <string.h>

#include "datagrams.h"
#include "report.h"
#include "schedule.h"
#include "tape.h"
#include "user.h"

#define USER__BUFFER (1 << 20)
#define USER__GUARD 8
#define USER__MANY 20
#define USER__PROBE_MS 3000
#define USER__PROBE_AGAIN 40
#define USER__PEERS 6

static uint8_t user__bytes[USER__BUFFER] __attribute__((aligned(8)));

static int32_t user__port(const struct entry* entry) {
  return ledger.ports[entry->port].id;
}

static struct iocp_address user__at(uint16_t family, bool is_any) {
  struct iocp_address address = {.family = family};
  if (is_any) return address;
  if (family == 4) address.bytes[0] = 127;
  address.bytes[family == 4 ? 3 : 15] = 1;
  return address;
}

/* Its socket is closing or closed. */
static bool user__is_void(const struct entry* entry, int32_t result) {
  schedule_checks++;
  if (!entry->is_closing && !entry->is_closed) return false;
  RULE("a socket that is closing takes no calls", result == -IOCP_EBADF);
  return true;
}

/* ---- making sockets */

/* The address of another one is in use. */
static void user__bind_again(uint32_t port) {
  const struct endpoint* rival = datagrams_choose(true);
  if (rival == NULL || rival->entry->is_closing) return;
  int32_t id = iocp_bind(ledger.ports[port].id,
                         &rival->address,
                         rival->is_v6_only ? IOCP_IPV6_ONLY : 0,
                         IOCP_MODE_DEFAULT);
  TRACE("iocp_bind(%u, port %u again): %d", port, rival->address.port, id);
  RULE("an address in use cannot be bound",
       ERROR_IS(id, IOCP_EADDRINUSE, IOCP_EACCES));
}

static void user__bind_wrong(uint32_t port) {
  int32_t id = ledger.ports[port].id;
  struct iocp_address address = user__at(4, true);
  if (!world_posts_operations()) return;
  RULE("Windows shares no address of datagram sockets",
       ERROR_IS(iocp_bind(id, &address, IOCP_REUSE_PORT, IOCP_MODE_DEFAULT),
                IOCP_ENOTSUP));
  address = datagrams_group(4);
  RULE("Windows binds no group",
       ERROR_IS(iocp_bind(id, &address, IOCP_REUSE_ADDRESS, IOCP_MODE_DEFAULT),
                IOCP_ENOTSUP));
  address.family = 5;
  RULE("there are two families of addresses",
       ERROR_IS(iocp_bind(id, &address, 0, IOCP_MODE_DEFAULT),
                IOCP_EAFNOSUPPORT));
  struct iocp_path name = {.family = IOCP_UNIX, .length = 0};
  RULE("Windows has no unix sockets for datagrams",
       ERROR_IS(iocp_bind(id, &name, 0, IOCP_MODE_DEFAULT), IOCP_ENOTSUP));
}

void user_bind(uint32_t port) {
  if (!ledger_has_room() ||
      datagrams.endpoint_count >= DATAGRAMS_ENDPOINTS - USER__PEERS)
    return;
  uint16_t family = tape_choose(3) == 1 ? 6 : 4;
  struct iocp_address address = user__at(family, tape_choose(2) == 0);
  uint32_t flags = family == 6 && tape_choose(2) == 1 ? IOCP_IPV6_ONLY : 0;
  int32_t id =
      iocp_bind(ledger.ports[port].id, &address, flags, IOCP_MODE_DEFAULT);
  TRACE("iocp_bind(%u, family %u, flags %u): %d", port, family, flags, id);
  if (id < 0) {
    RULE("a datagram socket is made", error_is_fault(id));
    return;
  }
  struct entry* entry = ledger_entry(port, id, ENTRY_DATAGRAM);
  int32_t size = iocp_get_address(
      ledger.ports[port].id, id, IOCP_LOCAL, &address, sizeof address);
  RULE("a datagram socket has an address",
       size == (int32_t)sizeof address && address.family == family &&
           address.port != 0);
  entry->endpoint = datagrams_endpoint(&address);
  entry->endpoint->entry = entry;
  entry->endpoint->is_v6_only = flags != 0;
}

static struct endpoint* user__peer(void) {
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

/* ---- receiving */

void user_datagram_receive(struct entry* entry, uint32_t bytes) {
  int32_t result = iocp_receive(user__port(entry), entry->id, bytes);
  TRACE("iocp_receive(%d.%d, %u): %d", entry->port, entry->id, bytes, result);
  if (user__is_void(entry, result)) return;
  if (bytes == 0 || entry->credit > (1u << 30) - bytes)
    RULE("credit has its bounds", result == -IOCP_EINVAL);
  else if (entry->is_read_armed)
    RULE("a socket is received from in one way at a time",
         result == -IOCP_EBUSY);
  else
    RULE("a receive succeeds", result == 0);
  if (result == 0) entry->credit += bytes;
}

static void user__receive_from(struct entry* entry, uint32_t room) {
  struct {
    struct iocp_datagram header;
    uint8_t path[IOCP_DATAGRAM_PATH_MAX];
  } out;
  memset(user__bytes + USER__GUARD + room, 0xa5, USER__GUARD);
  memset(user__bytes, 0xa5, USER__GUARD);
  int32_t result = iocp_receive_from(
      user__port(entry), entry->id, user__bytes, USER__GUARD, room, &out);
  TRACE(
      "iocp_receive_from(%d.%d, %u): %d", entry->port, entry->id, room, result);
  for (uint32_t i = 0; i < USER__GUARD; i++)
    RULE("a receive writes only to its buffer",
         user__bytes[i] == 0xa5 && user__bytes[USER__GUARD + room + i] == 0xa5);
  if (user__is_void(entry, result)) return;
  if (entry->credit != 0 || entry->is_read_armed) {
    RULE("a socket is received from in one way at a time",
         result == -IOCP_EBUSY);
    return;
  }
  if (result == IOCP_PENDING) {
    entry->is_read_armed = true;
    return;
  }
  if (result < 0) {
    datagrams_failed(entry->endpoint, result);
    return;
  }
  RULE("a receive returns the length of its datagram",
       (uint32_t)result == out.header.length && out.header.length <= room);
  uint32_t most = room < IOCP_DATAGRAM_MAX ? room : IOCP_DATAGRAM_MAX;
  datagrams_received_one(
      entry->endpoint, &out.header, user__bytes + USER__GUARD, most);
  ledger.ports[entry->port].bytes_received += (uint32_t)result;
}

/* ---- sending */

struct user__target {
  struct iocp_address to; /* family 0: the connected peer */
  bool is_wrong;          /* it must fail */
};

/* In the form that a socket of that family takes. */
static struct iocp_address user__for(const struct endpoint* from,
                                     const struct iocp_address* at) {
  struct iocp_address to = *at;
  static const uint8_t zeros[16];
  if (memcmp(to.bytes, zeros, sizeof zeros) == 0) {
    uint16_t family = at->family == 6 ? from->address.family : 4;
    to = user__at(family, false);
    to.port = at->port;
  }
  if (to.family == 6 || from->address.family == 4) return to;
  /* Sometimes the library maps it. */
  if (tape_choose(2) == 0) return to;
  struct iocp_address mapped = {
      .family = 6, .port = to.port, .bytes = {[10] = 0xff, [11] = 0xff}};
  memcpy(mapped.bytes + 12, to.bytes, 4);
  return mapped;
}

static struct user__target user__strange(const struct endpoint* from,
                                         const struct endpoint* near) {
  struct user__target target = {.to = user__at(from->address.family, false)};
  uint16_t port = near == NULL ? 9 : near->address.port;
  target.to.port = port;
  switch (tape_choose(6)) {
    case 0: /* Nothing has this port. */
      target.to.port = 5;
      return target;
    case 1:
      target.to = datagrams_group(from->address.family);
      target.to.port = port;
      return target;
    case 2:
      if (from->address.family != 4) return target;
      memset(target.to.bytes, 255, 4);
      return target;
    case 3: /* of a router (RFC 5737) */
      if (from->address.family != 4) return target;
      target.to.bytes[0] = 192;
      target.to.bytes[2] = 2;
      return target;
    case 4:
      target.to.port = 0;
      target.is_wrong = true;
      return target;
    default:
      target.to.family = 5;
      target.is_wrong = true;
      return target;
  }
}

static struct user__target user__target(const struct endpoint* from) {
  struct user__target target = {.is_wrong = false};
  if (tape_choose(6) == 5) return target;
  struct endpoint* near =
      tape_choose(2) == 0 ? user__peer() : datagrams_choose(true);
  /* The real network is not used. */
  if (near == NULL || (world_is_exact() && tape_chance(150)))
    return user__strange(from, near);
  target.to = user__for(from, &near->address);
  return target;
}

static uint32_t user__length(void) {
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

static void user__send_refused(struct entry* entry,
                               const struct user__target* target,
                               uint32_t length,
                               int32_t result) {
  if (result == -IOCP_EBUSY) {
    RULE("a send is refused only while others are pending",
         entry->send_count >= entry->concurrency);
    return;
  }
  if (error_is_fault(result)) return;
  switch (-result) {
    case IOCP_EMSGSIZE:
      RULE("a datagram that fits is sent", length > 65507);
      return;
    case IOCP_EDESTADDRREQ:
      RULE("a connected socket has a destination",
           target->to.family == 0 && !entry->endpoint->is_connected);
      return;
    case IOCP_EACCES:
      RULE("broadcasts alone need permission", target->to.bytes[0] == 255);
      return;
    case IOCP_EAFNOSUPPORT:
      RULE("an address of the right family is sent to",
           target->to.family != entry->endpoint->address.family ||
               /* On Linux, while it is connected to an IPv4 peer. */
               (entry->endpoint->is_connected && !world_posts_operations()));
      return;
    case IOCP_EADDRNOTAVAIL:
    case IOCP_EINVAL:
    case IOCP_ENETUNREACH:
      RULE("an address that exists is sent to",
           target->is_wrong || entry->endpoint->is_v6_only ||
               entry->endpoint->address.bytes[15] == 1);
      return;
    default:
      report_violation(
          "a send of datagrams fails with an expected error", "%d", result);
  }
}

static void user__copied(struct entry* entry, uint32_t count) {
  RULE("no more sends are pending than is allowed",
       entry->send_count < entry->concurrency);
  entry->sends[(entry->send_first + entry->send_count++) %
               IOCP_CONCURRENCY_MAX] = count;
}

static const struct iocp_address* user__destination(
    const struct endpoint* from, const struct user__target* target) {
  return target->to.family == 0 ? &from->remote : &target->to;
}

static void user__send_to(struct entry* entry) {
  struct endpoint* from = entry->endpoint;
  struct user__target target = user__target(from);
  uint32_t length = user__length();
  if (!datagrams_has_room(1)) return;
  datagrams_record(
      from, user__destination(from, &target), user__bytes + 4, length);
  int32_t result =
      iocp_send_to(user__port(entry),
                   entry->id,
                   user__bytes,
                   4,
                   length,
                   target.to.family == 0 ? NULL : (const void*)&target.to);
  TRACE("iocp_send_to(%d.%d, %u bytes to port %u): %s%d",
        entry->port,
        entry->id,
        length,
        target.to.port,
        result > 0 && (result & IOCP_PENDING) != 0 ? "pending " : "",
        result > 0 ? result & ~IOCP_PENDING : result);
  if (result < 0) datagrams.sent_count--;
  if (user__is_void(entry, result)) return;
  if (result < 0) {
    user__send_refused(entry, &target, length, result);
    return;
  }
  bool is_pending = (result & IOCP_PENDING) != 0;
  RULE("a datagram is sent whole",
       ((uint32_t)result & ~(uint32_t)IOCP_PENDING) == length);
  RULE("a wrong address is not sent to", is_pending || !target.is_wrong);
  ledger.ports[entry->port].bytes_sent += length;
  if (is_pending) user__copied(entry, 1);
}

/* Packs several, with their records. Returns their size. */
static uint32_t user__pack(const struct endpoint* from,
                           uint32_t count,
                           struct user__target* first_out,
                           uint32_t* first_length) {
  uint32_t size = 0;
  struct user__target target = user__target(from);
  for (uint32_t i = 0; i < count; i++) {
    if (i != 0 && tape_choose(3) == 0) target = user__target(from);
    uint32_t length = user__length();
    if (i == 0) {
      *first_out = target;
      *first_length = length;
    }
    struct iocp_datagram header = {.from = target.to, .length = length};
    uint32_t padded = (length + 7) & ~7u;
    if (size + sizeof header + padded > USER__BUFFER) break;
    memcpy(user__bytes + size, &header, sizeof header);
    datagrams_record(from,
                     user__destination(from, &target),
                     user__bytes + size + sizeof header,
                     length);
    size += (uint32_t)sizeof header + padded;
  }
  return size;
}

static void user__send_many(struct entry* entry) {
  struct endpoint* from = entry->endpoint;
  struct user__target first;
  uint32_t first_length = 0;
  uint32_t count = 1 + tape_choose(USER__MANY);
  if (!datagrams_has_room(count)) return;
  uint32_t number = datagrams.sent_count;
  uint32_t size = user__pack(from, count, &first, &first_length);
  count = datagrams.sent_count - number;
  int32_t result =
      iocp_send_many(user__port(entry), entry->id, user__bytes, size, count);
  uint32_t taken = result < 0 ? 0 : (uint32_t)result & ~(uint32_t)IOCP_PENDING;
  bool is_pending = result > 0 && (result & IOCP_PENDING) != 0;
  TRACE("iocp_send_many(%d.%d, %u): %s%d",
        entry->port,
        entry->id,
        count,
        is_pending ? "pending " : "",
        result < 0 ? result : (int32_t)taken);
  RULE("no more datagrams are taken than were offered", taken <= count);
  datagrams.sent_count = number + taken;
  if (user__is_void(entry, result)) return;
  if (result < 0) {
    user__send_refused(entry, &first, first_length, result);
    return;
  }
  RULE("at least one datagram is taken", taken != 0);
  for (uint32_t i = 0; i < taken; i++)
    ledger.ports[entry->port].bytes_sent += datagrams.sent[number + i].length;
  /* How many of them were copied is not known. */
  if (is_pending) user__copied(entry, taken | DATAGRAMS_AT_MOST);
}

/* ---- connecting */

static void user__connect(struct entry* entry) {
  struct endpoint* from = entry->endpoint;
  struct user__target target = user__target(from);
  bool dissolves = target.to.family == 0;
  int32_t result = iocp_connect_datagram(
      user__port(entry), entry->id, dissolves ? NULL : &target.to);
  TRACE("iocp_connect_datagram(%d.%d, port %u): %d",
        entry->port,
        entry->id,
        target.to.port,
        result);
  if (user__is_void(entry, result)) return;
  if (result == -IOCP_EBUSY) {
    RULE("a connect waits only for pending sends", entry->send_count != 0);
    return;
  }
  if (result < 0) {
    user__send_refused(entry, &target, 0, result);
    return;
  }
  RULE("a wrong address is not connected to", !target.is_wrong);
  from->is_connected = !dissolves;
  if (dissolves) return;
  from->was_connected = true;
  from->connected_at = datagrams.sent_count;
  from->remote = target.to;
  struct iocp_address peer;
  int32_t size = iocp_get_address(
      user__port(entry), entry->id, IOCP_PEER, &peer, sizeof peer);
  RULE("a connected datagram socket has a peer",
       size == (int32_t)sizeof peer && peer.port == target.to.port &&
           peer.family == from->address.family);
}

/* ---- groups */

static void user__membership(struct entry* entry) {
  struct endpoint* at = entry->endpoint;
  uint16_t family = at->address.family == 6 && tape_choose(4) != 3 ? 6 : 4;
  struct iocp_address group = datagrams_group(family);
  struct iocp_address source = user__at(family, false);
  uint32_t what = tape_choose(8);
  bool has_source = tape_choose(3) == 1;
  uint32_t joins = what != 7;
  uint32_t index = tape_choose(3);
  if (!world_is_exact()) return;
  if (what == 6) index = 77;
  if (what == 5) group = user__at(family, false);
  if (what == 4) source.family = 10 - family;
  if (what == 3 && tape_choose(3) == 1) group.family = 5;
  int32_t result = iocp_membership(user__port(entry),
                                   entry->id,
                                   &group,
                                   has_source ? &source : NULL,
                                   index,
                                   joins);
  TRACE("iocp_membership(%d.%d, %u, interface %u): %d",
        entry->port,
        entry->id,
        joins,
        index,
        result);
  if (user__is_void(entry, result)) return;
  if (joins && what < 3 && family == at->address.family)
    RULE("a group that exists is joined",
         result == 0 || at->has_joined[family == 6][has_source] ||
             at->joins != 0 || error_is_fault(result));
  if (result < 0) {
    RULE("a membership fails with an expected error",
         ERROR_IS(result,
                  IOCP_EADDRINUSE,
                  IOCP_EADDRNOTAVAIL,
                  IOCP_EINVAL,
                  IOCP_EAFNOSUPPORT));
    return;
  }
  RULE("only a group on an interface is joined",
       group.family != 5 && what != 5 && what != 6 &&
           (what != 4 || !has_source));
  at->joins += joins;
  if (joins) at->has_joined[family == 6][has_source] = true;
}

static void user__interface(uint32_t port) {
  struct iocp_address address = user__at(tape_choose(2) == 0 ? 4 : 6, false);
  uint32_t what = tape_choose(5);
  if (what == 2) address.bytes[0] = 99;
  if (what >= 3 && world_has_interfaces()) {
    /* Each of the interfaces has this address. */
    address = (struct iocp_address){.family = 6, .bytes = {0xfe, 0x80}};
    address.bytes[15] = 1;
    address.scope = what - 2;
  }
  int32_t result = iocp_interface_index(ledger.ports[port].id, &address);
  TRACE("iocp_interface_index: %d", result);
  if (address.scope != 0)
    RULE("an interface has an index",
         result == (int32_t)address.scope || result == -IOCP_EADDRNOTAVAIL);
  else if (address.bytes[0] == 99)
    RULE("an address that no interface has is not found",
         ERROR_IS(result, IOCP_EADDRNOTAVAIL));
  else
    RULE("the loopback interface has an index",
         result > 0 || world_posts_operations());
}

/* ---- peers */

static void user__peer_acts(void) {
  struct endpoint* peer = user__peer();
  struct endpoint* at = datagrams_choose(true);
  if (tape_chance(30) && peer != NULL) {
    TRACE("the peer at port %u closes", peer->address.port);
    datagrams_close_peer(peer);
    return;
  }
  datagrams_receive_all();
  if (peer == NULL || at == NULL) return;
  uint32_t most = world_datagram_max(peer->address.family);
  for (uint32_t i = 1 + tape_choose(6); i != 0; i--) {
    if (!datagrams_has_room(1)) return;
    uint32_t length = tape_chance(60) ? most : user__length();
    struct iocp_address to = at->address;
    if (world_is_exact() && tape_choose(6) == 5) {
      to = datagrams_group(peer->address.family);
      to.port = at->address.port;
    } else {
      static const uint8_t zeros[16];
      if (to.family != peer->address.family ||
          memcmp(to.bytes, zeros, sizeof zeros) == 0) {
        to = user__at(peer->address.family, false);
        to.port = at->address.port;
      }
    }
    if (length > most) length = most;
    datagrams_record(peer, &to, user__bytes, length);
    TRACE("the peer at port %u sends %u bytes to port %u",
          peer->address.port,
          length,
          to.port);
    if (!udp_peer_send(peer->peer, &to, user__bytes, length))
      datagrams.sent_count--;
  }
}

/* ---- wrong calls */

static void user__misuse(struct entry* entry) {
  int32_t port = user__port(entry);
  struct iocp_datagram header = {.length = 8};
  if (entry->is_closing || entry->is_closed) return;
  RULE("a datagram socket is no stream",
       iocp_read(port, entry->id, user__bytes, 0, 8) == -IOCP_ENOTCONN &&
           iocp_send(port, entry->id, user__bytes, 0, 8) == -IOCP_ENOTCONN &&
           iocp_shutdown(port, entry->id) == -IOCP_ENOTCONN);
  RULE("the memory of datagrams is checked",
       iocp_send_many(port, entry->id, NULL, 0, 1) == -IOCP_EFAULT &&
           iocp_send_many(port, entry->id, &header, 32, 1) == -IOCP_EINVAL &&
           iocp_send_many(port, entry->id, &header, 20, 1) == -IOCP_EINVAL);
  RULE("a membership is checked",
       iocp_membership(port, entry->id, NULL, NULL, 0, 1) == -IOCP_EFAULT);
  RULE("a receive of a datagram needs room for its header",
       iocp_receive_from(port, entry->id, user__bytes, 0, 8, NULL) ==
           -IOCP_EFAULT);
}

static void user__misuse_stream(void) {
  struct entry* entry = user_choose(ENTRY_LISTENER);
  if (entry == NULL || entry->is_closing || entry->may_expire) return;
  RULE("a listener receives no datagrams",
       iocp_receive_from(
           user__port(entry), entry->id, user__bytes, 0, 8, user__bytes) ==
           -IOCP_EINVAL);
}

/* ---- what the tape says */

static void user__act(struct entry* entry) {
  static const uint32_t rooms[] = {65536, 100, 0, 1500, 100000};
  switch (tape_choose(16)) {
    case 0:
    case 1:
      user_datagram_receive(entry,
                            tape_choose(4) == 0 ? 1 + tape_choose(3000)
                                                : 1 + tape_choose(200000));
      return;
    case 2:
    case 3:
      user__receive_from(entry, rooms[tape_choose(5)]);
      return;
    case 4:
    case 5:
    case 6:
    case 7:
      user__send_to(entry);
      return;
    case 8:
    case 9:
      user__send_many(entry);
      return;
    case 10:
      user__connect(entry);
      return;
    case 11:
      user__membership(entry);
      return;
    case 12:
    case 13:
      user_set_option(entry);
      return;
    case 14:
      user_ask(entry);
      return;
    default:
      user__misuse(entry);
      user__misuse_stream();
      return;
  }
}

void user_datagram(uint32_t port) {
  struct entry* entry = user_choose(ENTRY_DATAGRAM);
  uint32_t what = tape_choose(40);
  if (what == 39) {
    user__interface(port);
  } else if (what == 38) {
    user__bind_again(port);
  } else if (what == 37) {
    user__bind_wrong(port);
  } else if (entry == NULL || what >= 35) {
    user_bind(port);
  } else if (what >= 22) {
    user__peer_acts();
  } else {
    user__act(entry);
  }
}

/* ---- at the end */

static struct endpoint* user__prober(uint16_t family) {
  struct iocp_address address;
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
  struct endpoint* peer = user__prober(at->address.family);
  if (peer == NULL) return;
  if (at->is_connected) {
    int32_t result = iocp_connect_datagram(user__port(entry), entry->id, NULL);
    RULE("a connection is dissolved", error_is_fault(result) || result == 0);
    if (result < 0) return;
    at->is_connected = false;
  }
  struct iocp_address to = user__at(at->address.family, false);
  to.port = at->address.port;
  uint64_t since_ms = world_now_ms();
  bool is_seen = false;
  for (uint32_t round = 0; !is_seen; round++) {
    if (entry->credit == 0 && !entry->is_read_armed) {
      if (tape_choose(2) == 0)
        user_datagram_receive(entry, 1 << 20);
      else
        user__receive_from(entry, 65536);
    }
    user_poll(entry->port);
    if (round % USER__PROBE_AGAIN == 1 && datagrams_has_room(1)) {
      datagrams_record(peer, &to, user__bytes, 100);
      if (!udp_peer_send(peer->peer, &to, user__bytes, 100))
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
