/* SPDX-License-Identifier: MIT */
#include "datagrams.h"

#include <string.h>

#include "ledger.h"
#include "report.h"
#include "schedule.h"
#include "tape.h"

#define DATAGRAMS__NUMBER 4 /* bytes of the number in a datagram */

struct datagrams datagrams;

static uint8_t datagrams__bytes[DATAGRAMS_BYTES];

void datagrams_open(void) {
  datagrams.endpoint_count = 0;
  datagrams.sent_count = 0;
}

/* ---- endpoints */

struct endpoint* datagrams_endpoint(const struct iocp_address* address) {
  if (datagrams.endpoint_count == DATAGRAMS_ENDPOINTS) return NULL;
  struct endpoint* endpoint = &datagrams.endpoints[datagrams.endpoint_count++];
  memset(endpoint, 0, sizeof *endpoint);
  endpoint->address = *address;
  endpoint->is_open = true;
  return endpoint;
}

bool datagrams_is_unix(const struct endpoint* endpoint) {
  return endpoint->address.family == IOCP_UNIX;
}

bool datagrams_is_alive(const struct endpoint* endpoint) {
  return endpoint->is_open &&
         (endpoint->entry == NULL || !endpoint->entry->is_closing);
}

static struct endpoint* datagrams__choose(bool is_library, bool is_unix) {
  uint32_t count = datagrams.endpoint_count;
  if (count == 0) return NULL;
  uint32_t first = tape_choose(count);
  for (uint32_t i = 0; i < count; i++) {
    struct endpoint* one = &datagrams.endpoints[(first + i) % count];
    if (one->is_open && (one->entry != NULL) == is_library &&
        datagrams_is_unix(one) == is_unix)
      return one;
  }
  return NULL;
}

struct endpoint* datagrams_choose(bool is_library) {
  return datagrams__choose(is_library, false);
}

struct endpoint* datagrams_choose_unix(bool is_library) {
  return datagrams__choose(is_library, true);
}

void datagrams_name(const struct iocp_address* address,
                    struct iocp_path* name_out) {
  world_path(IOCP_UNIX, address->port, WORLD_USER, name_out);
}

struct iocp_address datagrams_named(const uint8_t* name, uint32_t length) {
  struct iocp_address address = {.family = IOCP_UNIX,
                                 .port = DATAGRAMS_UNNAMED};
  struct iocp_path path;
  if (length == 0) return address;
  for (uint32_t i = 0; i < DATAGRAMS_ENDPOINTS; i++) {
    address.port = (uint16_t)(DATAGRAMS_NAMES + i);
    datagrams_name(&address, &path);
    if (path.length == length && memcmp(path.bytes, name, length) == 0)
      return address;
  }
  report_violation("a datagram has the name of its sender", "%u", length);
}

struct iocp_address datagrams_group(uint16_t family) {
  static const struct iocp_address groups[] = {
      {.family = 4, .bytes = {239, 1, 2, 3}},
      {.family = 6, .bytes = {0xff, 0x15, [15] = 9}}};
  return groups[family == 6];
}

bool datagrams_is_broadcast(const struct iocp_address* to) {
  struct iocp_address plain = datagrams_plain(to);
  return plain.family == 4 && plain.bytes[3] == 255 &&
         (plain.bytes[0] == 255 || plain.bytes[0] == 127);
}

struct iocp_address datagrams_plain(const struct iocp_address* address) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  struct iocp_address plain = *address;
  if (address->family != 6 || memcmp(address->bytes, mapped, 12) != 0)
    return plain;
  plain = (struct iocp_address){.family = 4, .port = address->port};
  memcpy(plain.bytes, address->bytes + 12, 4);
  return plain;
}

static bool datagrams__is_group(const struct iocp_address* to) {
  return to->family == 4 ? to->bytes[0] == 239 : to->bytes[0] == 0xff;
}

/* ---- content */

static uint8_t datagrams__byte(uint32_t number, uint32_t at) {
  uint64_t word = (uint64_t)(number + 1) * 0x9e3779b97f4a7c15u +
                  (at >> 3) * 0x2545f4914f6cdd1du;
  word ^= word >> 29;
  word *= 0xbf58476d1ce4e5b9u;
  return (uint8_t)(word >> (at % 8 * 8));
}

/* The number, and then bytes that depend on it; the middle of a long one is
 * left out, since there are millions of schedules. */
#define DATAGRAMS__EDGE 256

static bool datagrams__skips(uint32_t at, uint32_t length) {
  return at >= DATAGRAMS__EDGE && at + DATAGRAMS__EDGE < length;
}

static void datagrams__fill(uint32_t number, uint8_t* bytes, uint32_t length) {
  for (uint32_t i = 0; i < length; i++) {
    if (datagrams__skips(i, length)) {
      i = length - DATAGRAMS__EDGE - 1;
      continue;
    }
    bytes[i] = datagrams__byte(number, i);
  }
  if (length >= DATAGRAMS__NUMBER) memcpy(bytes, &number, sizeof number);
}

/* `count` bytes of a datagram of `length`. */
static bool datagrams__are(uint32_t number,
                           const uint8_t* bytes,
                           uint32_t count,
                           uint32_t length) {
  uint32_t i = length >= DATAGRAMS__NUMBER ? DATAGRAMS__NUMBER : 0;
  for (; i < count; i++) {
    if (datagrams__skips(i, length)) {
      i = length - DATAGRAMS__EDGE - 1;
      continue;
    }
    if (bytes[i] != datagrams__byte(number, i)) return false;
  }
  return true;
}

bool datagrams_has_room(uint32_t count) {
  return datagrams.sent_count + count <= DATAGRAMS_SENT;
}

uint32_t datagrams_record(const struct endpoint* from,
                          const struct iocp_address* to,
                          uint8_t* bytes,
                          uint32_t length) {
  uint32_t number = datagrams.sent_count++;
  datagrams.sent[number] =
      (struct sent_datagram){.sender = (uint8_t)(from - datagrams.endpoints),
                             .length = length,
                             .to = datagrams_plain(to)};
  datagrams__fill(number, bytes, length);
  return number;
}

/* ---- in memory */

static uint32_t datagrams__padded(uint32_t bytes) { return (bytes + 7) & ~7u; }

static uint32_t datagrams__path(const struct iocp_datagram* header) {
  return header->from.family == IOCP_UNIX ? datagrams__padded(header->from.port)
                                          : 0;
}

uint32_t datagrams_measure(const uint8_t* memory, uint32_t count) {
  uint32_t size = 0;
  for (; count != 0; count--) {
    struct iocp_datagram header;
    memcpy(&header, memory + size, sizeof header);
    RULE("a datagram has no more than IOCP_DATAGRAM_MAX",
         header.length <= IOCP_DATAGRAM_MAX);
    size += (uint32_t)sizeof header + datagrams__path(&header) +
            datagrams__padded(header.length);
  }
  return size;
}

uint32_t datagrams_bytes(const uint8_t* memory, int32_t count) {
  uint32_t bytes = 0;
  for (; count != 0; count--) {
    struct iocp_datagram header;
    memcpy(&header, memory, sizeof header);
    memory += sizeof header + datagrams__path(&header) +
              datagrams__padded(header.length);
    bytes += header.length;
  }
  return bytes;
}

/* ---- arriving */

/* As other sockets see the sender: by its own address, or a loopback one. */
static void datagrams__check_from(const struct endpoint* at,
                                  const struct iocp_address* seen) {
  static const uint8_t loopback4[16] = {127, 0, 0, 1};
  static const uint8_t loopback6[16] = {[15] = 1};
  struct iocp_address plain = datagrams_plain(seen);
  if (at->entry != NULL && seen->family != at->address.family)
    report_violation("the address of a sender has the family of the socket",
                     "%u at a socket of family %u",
                     seen->family,
                     at->address.family);
  RULE("a datagram has the address of its sender",
       plain.scope == 0 && memcmp(plain.bytes,
                                  plain.family == 4 ? loopback4 : loopback6,
                                  sizeof plain.bytes) == 0);
}

/* Several sockets may have the port: those of two families, and one that got it
 * from the system after another was closed. */
static bool datagrams__has_address(const struct endpoint* from,
                                   const struct iocp_address* seen) {
  uint16_t family = datagrams_plain(seen).family;
  if (from->address.port != seen->port) return false;
  return from->address.family == family ||
         (from->address.family == 6 && family == 4 && !from->is_v6_only);
}

static bool datagrams__is_for(const struct endpoint* at,
                              const struct sent_datagram* sent) {
  if (sent->to.port != at->address.port) return false;
  if (!datagrams__is_group(&sent->to)) return true;
  const bool* joined = at->has_joined[sent->to.family == 6];
  return joined[0] || joined[1];
}

/* A connected socket receives from its peer alone, but for those that have come
 * before. */
static bool datagrams__is_discarded(const struct endpoint* at,
                                    uint32_t number,
                                    uint32_t sender) {
  /* A send to a peer that is gone dissolves the connection
   * (unix_dgram_sendmsg()). */
  if (datagrams_is_unix(at))
    return at->is_connected && number >= at->connected_at &&
           datagrams_is_alive(at->partner) &&
           at->partner != &datagrams.endpoints[sender];
  return at->is_connected && number >= at->connected_at &&
         datagrams.endpoints[sender].address.port != at->remote.port;
}

/* Too short for a number: any that was sent there and has not been received, if
 * possible a later one than the latest. */
static uint32_t datagrams__find(const struct endpoint* at,
                                uint32_t sender,
                                const uint8_t* bytes,
                                uint32_t count,
                                uint32_t size) {
  uint32_t bit = 1u << (at - datagrams.endpoints);
  uint32_t found = datagrams.sent_count;
  for (uint32_t i = datagrams.sent_count; i-- != 0;) {
    const struct sent_datagram* one = &datagrams.sent[i];
    if (one->sender != sender || (one->seen & bit) != 0 ||
        !datagrams__is_for(at, one) || datagrams__is_discarded(at, i, sender) ||
        (one->length != size && (size != UINT32_MAX || one->length <= count)) ||
        (one->length < DATAGRAMS__NUMBER &&
         !datagrams__are(i, bytes, count, one->length)))
      continue;
    if (i < at->latest[sender] && found != datagrams.sent_count) break;
    found = i;
  }
  return found;
}

/* As datagrams__find(), of any sender that has the address. Returns how many of
 * them may have sent it. */
static uint32_t datagrams__find_any(const struct endpoint* at,
                                    const struct iocp_datagram* header,
                                    const uint8_t* bytes,
                                    uint32_t* number_out) {
  bool has_sender = false;
  uint32_t count = 0;
  for (uint32_t i = 0; i < datagrams.endpoint_count; i++) {
    if (!datagrams__has_address(&datagrams.endpoints[i], &header->from))
      continue;
    has_sender = true;
    uint32_t number =
        datagrams__find(at, i, bytes, header->length, header->size);
    if (number == datagrams.sent_count) continue;
    *number_out = number;
    count++;
  }
  if (!has_sender)
    report_violation("a datagram has the address of its sender",
                     "port %u",
                     header->from.port);
  return count;
}

static void datagrams__check_order(struct endpoint* at, uint32_t number) {
  struct sent_datagram* sent = &datagrams.sent[number];
  uint32_t bit = 1u << (at - datagrams.endpoints);
  uint32_t* latest = &at->latest[sent->sender];
  RULE("a datagram arrives only where it was sent to",
       datagrams__is_for(at, sent));
  RULE("a datagram arrives once", (sent->seen & bit) == 0);
  sent->seen |= bit;
  RULE("the datagrams of a sender arrive in order",
       number >= *latest || world_reorders_datagrams());
  if (number >= *latest) *latest = number + 1;
  RULE("a connected socket receives from its peer alone",
       !datagrams__is_discarded(at, number, sent->sender));
}

/* The number identifies the sender: the name of a unix socket may be that of an
 * earlier one, or none. */
static uint32_t datagrams__number(const struct iocp_address* seen,
                                  const uint8_t* bytes) {
  uint32_t number;
  memcpy(&number, bytes, sizeof number);
  if (number >= datagrams.sent_count)
    report_violation("a datagram is one that was sent", "number %u", number);
  const struct endpoint* from =
      &datagrams.endpoints[datagrams.sent[number].sender];
  if (seen->family == IOCP_UNIX)
    RULE("a datagram has the name of its sender",
         datagrams_is_unix(from) && seen->port == from->address.port);
  else
    RULE("a datagram has the address of its sender",
         datagrams__has_address(from, seen));
  return number;
}

void datagrams_received_one(struct endpoint* at,
                            const struct iocp_datagram* header,
                            const uint8_t* bytes,
                            uint32_t room) {
  bool is_unix = datagrams_is_unix(at);
  schedule_checks++;
  at->received++;
  /* It was cut before its number; those of unix sockets have one. */
  if (is_unix && header->length < DATAGRAMS__NUMBER) return;
  RULE("a datagram has the address of its sender",
       is_unix == (header->from.family == IOCP_UNIX));
  if (!is_unix) datagrams__check_from(at, &header->from);
  uint32_t number = datagrams.sent_count;
  bool is_known = true;
  if (header->length >= DATAGRAMS__NUMBER) {
    number = datagrams__number(&header->from, bytes);
  } else {
    /* Of those that fit, any is as good when it was cut before its number, or
     * when two may have sent it: it is not known which of them has arrived. */
    uint32_t senders = datagrams__find_any(at, header, bytes, &number);
    is_known = senders == 1 && header->length == header->size;
  }
  if (number >= datagrams.sent_count)
    report_violation("a datagram is one that was sent",
                     "%u bytes of %u",
                     header->length,
                     header->size);
  const struct sent_datagram* sent = &datagrams.sent[number];
  bool is_whole =
      header->length == sent->length && header->size == sent->length;
  bool is_truncated =
      header->length == room && sent->length > room &&
      (header->size == sent->length || header->size == UINT32_MAX);
  if (!is_whole && !is_truncated)
    report_violation("a datagram is whole, or marked as truncated",
                     "%u bytes, marked as of %u, of %u",
                     header->length,
                     header->size,
                     sent->length);
  RULE("the bytes of a datagram are those that were sent",
       datagrams__are(number, bytes, header->length, sent->length));
  if (is_known) datagrams__check_order(at, number);
}

void datagrams_received(struct endpoint* at,
                        const uint8_t* memory,
                        uint32_t count) {
  for (; count != 0; count--) {
    struct iocp_datagram header;
    memcpy(&header, memory, sizeof header);
    memory += sizeof header;
    uint32_t path = datagrams__path(&header);
    if (header.from.family == IOCP_UNIX)
      header.from = datagrams_named(memory, header.from.port);
    datagrams_received_one(at, &header, memory + path, IOCP_DATAGRAM_MAX);
    memory += path + datagrams__padded(header.length);
  }
}

/* ---- errors */

void datagrams_failed(const struct endpoint* at, int32_t result) {
  /* The peer has connected to another socket, or has none any more
   * (unix_dgram_disconnected() in the kernel). */
  if (datagrams_is_unix(at)) {
    RULE("a unix socket fails only when its peer has left it",
         error_is_fault(result) ||
             (at->was_connected && result == -IOCP_ECONNRESET));
    return;
  }
  /* Linux says more exactly what a router has answered. */
  bool is_of_router = !world_posts_operations() &&
                      ERROR_IS(result, IOCP_ENETUNREACH, IOCP_EACCES);
  if (!is_of_router && !ERROR_IS(result, IOCP_ECONNREFUSED, IOCP_EHOSTUNREACH))
    report_violation(
        "a receive of datagrams fails with an expected error", "%d", result);
  RULE("only a connected socket reports that a datagram was refused",
       at->was_connected || error_is_fault(result) ||
           world_reports_unconnected());
}

void datagrams_send_failed(const struct endpoint* from,
                           int32_t result,
                           bool began_calm) {
  if (error_was_fault(result, began_calm)) return;
  if (datagrams_is_unix(from)) {
    if (!ERROR_IS(result,
                  IOCP_ECONNREFUSED,
                  IOCP_ECONNRESET,
                  IOCP_ENOENT,
                  IOCP_EACCES,
                  IOCP_EDESTADDRREQ,
                  IOCP_EMSGSIZE))
      report_violation(
          "a send to a unix socket fails with an expected error", "%d", result);
    return;
  }
  if (!ERROR_IS(result,
                IOCP_EMSGSIZE,
                IOCP_EACCES,
                IOCP_EDESTADDRREQ,
                IOCP_EADDRNOTAVAIL,
                IOCP_EAFNOSUPPORT,
                IOCP_EINVAL,
                IOCP_ENETUNREACH))
    report_violation(
        "a send of datagrams fails with an expected error", "%d", result);
}

/* ---- peers */

static void datagrams__receive(struct endpoint* endpoint) {
  struct iocp_datagram header = {.length = 0};
  for (;;) {
    int32_t count = udp_peer_receive(endpoint->peer,
                                     datagrams__bytes,
                                     sizeof datagrams__bytes,
                                     &header.from);
    if (count < 0) return;
    header.length = header.size = (uint32_t)count;
    datagrams_received_one(
        endpoint, &header, datagrams__bytes, sizeof datagrams__bytes);
  }
}

void datagrams_receive_all(void) {
  for (uint32_t i = 0; i < datagrams.endpoint_count; i++) {
    struct endpoint* endpoint = &datagrams.endpoints[i];
    if (endpoint->peer != NULL && endpoint->is_open)
      datagrams__receive(endpoint);
  }
}

void datagrams_close_peer(struct endpoint* endpoint) {
  datagrams__receive(endpoint);
  udp_peer_close(endpoint->peer);
  endpoint->peer = NULL;
  endpoint->is_open = false;
}
