/* SPDX-License-Identifier: MIT */
/* Datagram sockets: making, receiving, and what the tape says. */
#include <string.h>

#include "datagrams.h"
#include "reasons.h"
#include "report.h"
#include "schedule.h"
#include "tape.h"
#include "user.h"
#include "user_datagram.h"

#define USER__GUARD 8

uint8_t user_datagram_bytes[USER_DATAGRAM_BUFFER] __attribute__((aligned(8)));

struct iocp_address user_datagram_at(uint16_t family, bool is_any) {
  struct iocp_address address = {.family = family};
  if (is_any) return address;
  if (family == 4) address.bytes[0] = 127;
  address.bytes[family == 4 ? 3 : 15] = 1;
  return address;
}

/* Its socket is closing or closed. */
bool user_datagram_is_void(const struct entry* entry, int32_t result) {
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
  reasons_check_call(port, id);
  RULE("an address in use cannot be bound",
       ERROR_IS(id, IOCP_EADDRINUSE, IOCP_EACCES));
}

static void user__bind_wrong(uint32_t port) {
  int32_t id = ledger.ports[port].id;
  struct iocp_address address = user_datagram_at(4, true);
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

/* What it sends to a group leaves by the loopback interface, which is the first
 * one. */
static void user__keep_local(struct entry* entry) {
  struct endpoint* at = entry->endpoint;
  if (at->address.family != 4) return;
  int32_t result = iocp_set_option(
      user_datagram_port(entry), entry->id, IOCP_MULTICAST_INTERFACE, 1);
  RULE("the loopback interface can be sent by",
       result == 0 || error_is_fault(result));
  at->sends_to_many = result == 0 && at->address.bytes[0] == 127;
}

void user_bind(uint32_t port) {
  if (!ledger_has_room() ||
      datagrams.endpoint_count >= DATAGRAMS_ENDPOINTS - USER_DATAGRAM_PEERS)
    return;
  uint16_t family = tape_choose(3) == 1 ? 6 : 4;
  struct iocp_address address = user_datagram_at(family, tape_choose(2) == 0);
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
  if (!world_is_exact()) user__keep_local(entry);
}

/* ---- receiving */

void user_datagram_receive(struct entry* entry, uint32_t bytes) {
  ledger.ports[entry->port].is_called = true;
  int32_t result = iocp_receive(user_datagram_port(entry), entry->id, bytes);
  TRACE("iocp_receive(%d.%d, %u): %d", entry->port, entry->id, bytes, result);
  if (user_datagram_is_void(entry, result)) return;
  if (bytes == 0 || entry->credit > (1u << 30) - bytes)
    RULE("credit has its bounds", result == -IOCP_EINVAL);
  else if (entry->is_read_armed)
    RULE("a socket is received from in one way at a time",
         result == -IOCP_EBUSY);
  else
    RULE("a receive succeeds", result == 0);
  if (result == 0) entry->credit += bytes;
}

void user_receive_from(struct entry* entry, uint32_t room) {
  struct {
    struct iocp_datagram header;
    uint8_t path[IOCP_DATAGRAM_PATH_MAX];
  } out;
  memset(user_datagram_bytes + USER__GUARD + room, 0xa5, USER__GUARD);
  memset(user_datagram_bytes, 0xa5, USER__GUARD);
  int32_t result = iocp_receive_from(user_datagram_port(entry),
                                     entry->id,
                                     user_datagram_bytes,
                                     USER__GUARD,
                                     room,
                                     &out);
  TRACE(
      "iocp_receive_from(%d.%d, %u): %d", entry->port, entry->id, room, result);
  for (uint32_t i = 0; i < USER__GUARD; i++)
    RULE("a receive writes only to its buffer",
         user_datagram_bytes[i] == 0xa5 &&
             user_datagram_bytes[USER__GUARD + room + i] == 0xa5);
  if (user_datagram_is_void(entry, result)) return;
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
  if (out.header.from.family == IOCP_UNIX)
    out.header.from = datagrams_named(out.path, out.header.from.port);
  datagrams_received_one(
      entry->endpoint, &out.header, user_datagram_bytes + USER__GUARD, most);
  ledger.ports[entry->port].bytes_received += (uint32_t)result;
}

/* ---- wrong calls */

static void user__misuse(struct entry* entry) {
  int32_t port = user_datagram_port(entry);
  struct iocp_datagram header = {.length = 8};
  if (entry->is_closing || entry->is_closed) return;
  RULE(
      "a datagram socket is no stream",
      reasons_refuses(port,
                      iocp_read(port, entry->id, user_datagram_bytes, 0, 8),
                      IOCP_ENOTCONN) &&
          reasons_refuses(port,
                          iocp_send(port, entry->id, user_datagram_bytes, 0, 8),
                          IOCP_ENOTCONN) &&
          reasons_refuses(port, iocp_shutdown(port, entry->id), IOCP_ENOTCONN));
  RULE("the memory of datagrams is checked",
       reasons_refuses(
           port, iocp_send_many(port, entry->id, NULL, 0, 1), IOCP_EFAULT) &&
           reasons_refuses(port,
                           iocp_send_many(port, entry->id, &header, 32, 1),
                           IOCP_EINVAL) &&
           reasons_refuses(port,
                           iocp_send_many(port, entry->id, &header, 20, 1),
                           IOCP_EINVAL));
  RULE("a membership is checked",
       reasons_refuses(port,
                       iocp_membership(port, entry->id, NULL, NULL, 0, 1),
                       IOCP_EFAULT));
  RULE("a receive of a datagram needs room for its header",
       reasons_refuses(
           port,
           iocp_receive_from(port, entry->id, user_datagram_bytes, 0, 8, NULL),
           IOCP_EFAULT));
}

static void user__misuse_stream(void) {
  struct entry* entry = user_choose(ENTRY_LISTENER);
  if (entry == NULL || entry->is_closing || entry->may_expire) return;
  RULE("a listener receives no datagrams",
       reasons_refuses(user_datagram_port(entry),
                       iocp_receive_from(user_datagram_port(entry),
                                         entry->id,
                                         user_datagram_bytes,
                                         0,
                                         8,
                                         user_datagram_bytes),
                       IOCP_EINVAL));
}

/* ---- what the tape says */

static void user__act(struct entry* entry) {
  static const uint32_t rooms[] = {65536, 100, 0, 1500, 100000};
  if (datagrams_is_unix(entry->endpoint)) {
    user_unix_act(entry);
    return;
  }
  switch (tape_choose(17)) {
    case 16:
      user_send_nowhere(entry);
      return;
    case 0:
    case 1:
      user_datagram_receive(entry,
                            tape_choose(4) == 0 ? 1 + tape_choose(3000)
                                                : 1 + tape_choose(200000));
      return;
    case 2:
    case 3:
      user_receive_from(entry, rooms[tape_choose(5)]);
      return;
    case 4:
    case 5:
    case 6:
    case 7:
      user_send_datagram(entry);
      return;
    case 8:
    case 9:
      user_send_datagrams(entry);
      return;
    case 10:
      user_connect_datagram(entry);
      return;
    case 11:
      user_membership(entry);
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
  if (!world_posts_operations() && tape_choose(3) == 2) {
    for (uint32_t i = 1 + tape_choose(8); i != 0; i--) user_datagram_unix(port);
    return;
  }
  struct entry* entry = user_choose(ENTRY_DATAGRAM);
  uint32_t what = tape_choose(40);
  if (what == 39) {
    user_interface(port);
  } else if (what == 38) {
    user__bind_again(port);
  } else if (what == 37) {
    user__bind_wrong(port);
  } else if (entry == NULL || what >= 35) {
    user_bind(port);
  } else if (what >= 22) {
    user_peer_acts();
  } else {
    user__act(entry);
  }
}
