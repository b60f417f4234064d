/* SPDX-License-Identifier: MIT */
/* Sending datagrams, and connecting their sockets. */
#include <string.h>

#include "datagrams.h"
#include "report.h"
#include "tape.h"
#include "user.h"
#include "user_datagram.h"

#define USER__MANY 20
#define USER__NOWHERE 12
/* A port that nothing has. */
#define USER__NOBODY 5

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
    to = user_datagram_at(family, false);
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
  struct user__target target = {
      .to = user_datagram_at(from->address.family, false)};
  uint16_t port = near == NULL ? 9 : near->address.port;
  target.to.port = port;
  switch (tape_choose(6)) {
    case 0: /* Nothing has this port. */
      target.to.port = USER__NOBODY;
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

/* A group, or the broadcast address of the loopback network. */
static struct user__target user__many(const struct endpoint* near) {
  struct user__target target = {.to = datagrams_group(4)};
  if (tape_choose(2) != 0)
    target.to.bytes[0] = 127, memset(target.to.bytes + 1, 255, 3);
  target.to.port = near->address.port;
  return target;
}

static struct user__target user__target(const struct endpoint* from) {
  struct user__target target = {.is_wrong = false};
  if (tape_choose(6) == 5) return target;
  struct endpoint* near =
      tape_choose(2) == 0 ? user_datagram_peer() : datagrams_choose(true);
  /* The real network is not used. */
  if (near == NULL || (world_is_exact() && tape_chance(150)))
    return user__strange(from, near);
  if (from->sends_to_many && tape_chance(200)) return user__many(near);
  target.to = user__for(from, &near->address);
  return target;
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
      RULE("broadcasts alone need permission",
           datagrams_is_broadcast(&target->to));
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

void user_datagram_copied(struct entry* entry, uint32_t count) {
  RULE("no more sends are pending than is allowed",
       entry->send_count < entry->concurrency);
  if (!ledger.is_calm) count |= DATAGRAMS_BEFORE_CALM;
  entry->sends[(entry->send_first + entry->send_count++) %
               IOCP_CONCURRENCY_MAX] = count;
}

static const struct iocp_address* user__destination(
    const struct endpoint* from, const struct user__target* target) {
  return target->to.family == 0 ? &from->remote : &target->to;
}

static void user__send(struct entry* entry, struct user__target target) {
  struct endpoint* from = entry->endpoint;
  uint32_t length = user_datagram_length();
  if (!datagrams_has_room(1)) return;
  datagrams_record(
      from, user__destination(from, &target), user_datagram_bytes + 4, length);
  int32_t result =
      iocp_send_to(user_datagram_port(entry),
                   entry->id,
                   user_datagram_bytes,
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
  if (user_datagram_is_void(entry, result)) return;
  if (result < 0) {
    user__send_refused(entry, &target, length, result);
    return;
  }
  bool is_pending = (result & IOCP_PENDING) != 0;
  RULE("a datagram is sent whole",
       ((uint32_t)result & ~(uint32_t)IOCP_PENDING) == length);
  RULE("a wrong address is not sent to", is_pending || !target.is_wrong);
  ledger.ports[entry->port].bytes_sent += length;
  if (is_pending) user_datagram_copied(entry, 1);
}

void user_send_datagram(struct entry* entry) {
  user__send(entry, user__target(entry->endpoint));
}

/* Each may be answered by an ICMP message. */
void user_send_nowhere(struct entry* entry) {
  struct user__target target = {
      .to = user_datagram_at(entry->endpoint->address.family, false)};
  target.to.port = USER__NOBODY;
  /* A router on the way to an address for documentation (RFC 5737). */
  if (world_is_exact() && target.to.family == 4 && tape_choose(2) != 0)
    target.to.bytes[0] = 192, target.to.bytes[2] = 2;
  for (uint32_t i = USER__NOWHERE; i != 0 && !entry->is_closed; i--) {
    user__send(entry, target);
    world_pause(world_is_exact() ? 2 : 0);
  }
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
    uint32_t length = user_datagram_length();
    if (i == 0) {
      *first_out = target;
      *first_length = length;
    }
    struct iocp_datagram header = {.from = target.to, .length = length};
    uint32_t padded = (length + 7) & ~7u;
    if (size + sizeof header + padded > USER_DATAGRAM_BUFFER) break;
    memcpy(user_datagram_bytes + size, &header, sizeof header);
    datagrams_record(from,
                     user__destination(from, &target),
                     user_datagram_bytes + size + sizeof header,
                     length);
    size += (uint32_t)sizeof header + padded;
  }
  return size;
}

void user_send_datagrams(struct entry* entry) {
  struct endpoint* from = entry->endpoint;
  struct user__target first;
  uint32_t first_length = 0;
  uint32_t count = 1 + tape_choose(USER__MANY);
  if (!datagrams_has_room(count)) return;
  uint32_t number = datagrams.sent_count;
  uint32_t size = user__pack(from, count, &first, &first_length);
  count = datagrams.sent_count - number;
  int32_t result = iocp_send_many(
      user_datagram_port(entry), entry->id, user_datagram_bytes, size, count);
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
  if (user_datagram_is_void(entry, result)) return;
  if (result < 0) {
    user__send_refused(entry, &first, first_length, result);
    return;
  }
  RULE("at least one datagram is taken", taken != 0);
  for (uint32_t i = 0; i < taken; i++)
    ledger.ports[entry->port].bytes_sent += datagrams.sent[number + i].length;
  /* How many of them were copied is not known. */
  if (is_pending) user_datagram_copied(entry, taken | DATAGRAMS_AT_MOST);
}

/* ---- connecting */

/* On Linux a former IPv4 peer of an IPv6 socket is left before the next one is
 * connected to. */
static void user__connect_failed(const struct entry* entry, bool dissolves) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  struct endpoint* from = entry->endpoint;
  struct iocp_address peer;
  if (world_posts_operations() || !from->is_connected) return;
  int32_t size = iocp_get_address(
      user_datagram_port(entry), entry->id, IOCP_PEER, &peer, sizeof peer);
  bool is_former = size > 0 && peer.port == from->remote.port;
  bool is_mapped = from->address.family == 6 &&
                   (from->remote.family == 4 ||
                    memcmp(from->remote.bytes, mapped, sizeof mapped) == 0);
  RULE("a datagram socket that cannot connect has its former peer, or none",
       is_former || (size == -IOCP_ENOTCONN && (dissolves || is_mapped)));
  from->is_connected = is_former;
}

void user_connect_datagram(struct entry* entry) {
  struct endpoint* from = entry->endpoint;
  struct user__target target = user__target(from);
  bool dissolves = target.to.family == 0;
  int32_t result = iocp_connect_datagram(
      user_datagram_port(entry), entry->id, dissolves ? NULL : &target.to);
  TRACE("iocp_connect_datagram(%d.%d, port %u): %d",
        entry->port,
        entry->id,
        target.to.port,
        result);
  if (user_datagram_is_void(entry, result)) return;
  if (result == -IOCP_EBUSY) {
    RULE("a connect waits only for pending sends", entry->send_count != 0);
    return;
  }
  if (result < 0) {
    user__send_refused(entry, &target, 0, result);
    user__connect_failed(entry, dissolves);
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
      user_datagram_port(entry), entry->id, IOCP_PEER, &peer, sizeof peer);
  RULE("a connected datagram socket has a peer",
       size == (int32_t)sizeof peer && peer.port == target.to.port &&
           peer.family == from->address.family);
}
