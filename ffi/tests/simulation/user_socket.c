/* SPDX-License-Identifier: MIT */
/* Listening, connecting and adopting. */
#include <string.h>

#include "guests.h"
#include "reasons.h"
#include "report.h"
#include "tape.h"
#include "user.h"

/* Ports from here on are those of connections that ask for one. */
#define USER__PORTS 60000

static struct iocp_address user__loopback(uint16_t family) {
  struct iocp_address address = {.family = family};
  if (family == 4) address.bytes[0] = 127;
  address.bytes[family == 4 ? 3 : 15] = 1;
  return address;
}

static struct iocp_address user__wildcard(uint16_t family) {
  return (struct iocp_address){.family = family};
}

struct entry* user_choose(enum entry_kind kind) {
  if (ledger.entry_count == 0) return NULL;
  uint32_t first = tape_choose(ledger.entry_count);
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    uint32_t at = (first + i) % ledger.entry_count;
    struct entry* entry = &ledger.entries[ledger.entry_count - 1 - at];
    if (entry->kind == kind && !entry->is_closed) return entry;
  }
  return NULL;
}

/* ---- listening */

/* Addresses for documentation, which no interface has (RFC 5737, RFC 3849). */
static struct iocp_address user__elsewhere(uint16_t family) {
  static const uint8_t bytes[][16] = {{192, 0, 2, 1},
                                      {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
                                      {[10] = 0xff, 0xff, 192, 0, 2, 1},
                                      {[10] = 0xff, 0xfe, 127, [15] = 1},
                                      {[10] = 1, [15] = 1},
                                      {[15] = 2}};
  struct iocp_address address = {.family = family};
  uint32_t row = family == 4 ? 0 : 1 + tape_choose(5);
  memcpy(address.bytes, bytes[row], 16);
  return address;
}

/* An address that is in use, or overlaps with one that is, or was in use
 * before. */
static struct iocp_address user__in_use(const struct entry* entry) {
  uint16_t family = entry->address.family;
  struct iocp_address address = entry->address;
  /* On the other interface it is free. */
  if (address.scope != 0 && tape_choose(2) != 0) {
    address.scope = 3 - address.scope;
    return address;
  }
  switch (tape_choose(6)) {
    case 5: /* All of 127.0.0.0/8 is this machine (RFC 1122, 3.2.1.3). */
      address = user__loopback(4);
      address.bytes[3] = 2;
      break;
    case 1:
      address = user__wildcard(family);
      break;
    case 2:
      address = user__loopback(family);
      break;
    case 3:
      address = user__wildcard(10 - family);
      break;
    case 4: {
      const struct entry* former =
          &ledger.entries[tape_choose(ledger.entry_count)];
      if (former->kind == ENTRY_LISTENER && former->local == 0)
        return former->address;
      break;
    }
    default:
      break;
  }
  address.port = entry->address.port;
  return address;
}

/* The link-local address of an interface, which another interface has as
 * well. */
static struct iocp_address user__link_local(uint32_t scope) {
  return (struct iocp_address){
      .family = 6, .scope = scope, .bytes = {0xfe, 0x80, [15] = 1}};
}

/* The IPv4-mapped form. */
static void user__map(struct iocp_address* address) {
  address->family = 6;
  memcpy(address->bytes + 12, address->bytes, 4);
  memset(address->bytes, 0, 10);
  memset(address->bytes + 10, 0xff, 2);
}

static struct iocp_address user__listen_address(void) {
  if (world_has_interfaces() && tape_chance(60))
    return user__link_local(1 + tape_choose(2));
  if (tape_chance(50)) {
    struct iocp_address mapped = user__loopback(4);
    user__map(&mapped);
    return mapped;
  }
  switch (tape_choose(9)) {
    case 8:
      return user__elsewhere(tape_choose(2) == 0 ? 4 : 6);
    case 6:
      return user__wildcard(6);
    case 5:
      return user__wildcard(4);
    case 4:
      return user__loopback(6);
    case 3: {
      struct entry* entry = user_choose(ENTRY_LISTENER);
      if (entry != NULL && entry->local == 0) return user__in_use(entry);
      return user__loopback(4);
    }
    default:
      return user__loopback(4);
  }
}

void user_ask_address(struct entry* entry) {
  RULE("a listener has an address",
       iocp_get_address(ledger.ports[entry->port].id,
                        entry->id,
                        IOCP_LOCAL,
                        &entry->address,
                        sizeof(struct iocp_address)) ==
           (int32_t)sizeof(struct iocp_address));
}

static void user__listen_failed(const struct iocp_address* address,
                                uint32_t flags,
                                int32_t error) {
  /* IPv4-mapped, for a socket that is IPv6 only. */
  RULE("the address of an interface can be listened on",
       address->scope == 0 || error != -IOCP_EADDRNOTAVAIL ||
           world_is_strange());
  bool is_odd = address->family == 6 && address->bytes[10] == 0xff &&
                (flags & IOCP_IPV6_ONLY) != 0;
  if (is_odd && error == -IOCP_EINVAL) return;
  if ((flags & IOCP_REUSE_PORT) != 0 && error == -IOCP_ENOTSUP) return;
  if (!ERROR_IS(error,
                IOCP_EADDRINUSE,
                IOCP_EADDRNOTAVAIL,
                IOCP_EACCES,
                IOCP_EAFNOSUPPORT))
    report_violation(
        "listening fails with one of the expected errors", "%d", error);
}

struct entry* user_listen_at(uint32_t port,
                             const struct iocp_address* address,
                             uint32_t backlog,
                             uint32_t flags) {
  int32_t id = iocp_listen(ledger.ports[port].id, address, backlog, flags);
  TRACE("iocp_listen(%u, family %d, port %d, %u, %u): %d",
        port,
        address->family,
        address->port,
        backlog,
        flags,
        id);
  reasons_check_call(port, id);
  if (world_posts_operations() && (flags & IOCP_REUSE_PORT) != 0)
    RULE("Windows has no SO_REUSEPORT", id < 0);
  if (id < 0) {
    user__listen_failed(address, flags, id);
    return NULL;
  }
  struct entry* entry = ledger_entry(port, id, ENTRY_LISTENER);
  entry->flags = (uint16_t)flags;
  user_ask_address(entry);
  RULE("a listener has the address that was given",
       entry->address.family == address->family &&
           memcmp(entry->address.bytes, address->bytes, 16) == 0 &&
           entry->address.scope == address->scope &&
           (address->port == 0 ? entry->address.port != 0
                               : entry->address.port == address->port));
  return entry;
}

void user_listen(uint32_t port) {
  static const uint32_t backlogs[] = {64, 1, 200, 1000, 0, 100000};
  if (!ledger_has_room()) return;
  struct iocp_address address = user__listen_address();
  uint32_t backlog = backlogs[tape_choose(6)];
  uint32_t flags = 0;
  if (tape_chance(100)) flags |= IOCP_REUSE_PORT;
  if (tape_chance(100)) flags |= IOCP_IPV6_ONLY;
  if (tape_chance(500)) flags |= IOCP_ALL_NO_DELAY;
  user_listen_at(port, &address, backlog, flags);
}

struct entry* user_listen_again(uint32_t port, const struct entry* former) {
  const struct iocp_address* address = &former->address;
  int32_t id = iocp_listen(
      ledger.ports[port].id, address, 16, former->flags & IOCP_IPV6_ONLY);
  TRACE("iocp_listen(%u, port %d) once more: %d", port, address->port, id);
  reasons_check_call(port, id);
  RULE("an address is free once its listener is closed",
       id >= 0 || error_is_fault(id));
  if (id < 0) return NULL;
  struct entry* entry = ledger_entry(port, id, ENTRY_LISTENER);
  entry->address = *address;
  entry->flags = former->flags & IOCP_IPV6_ONLY;
  return entry;
}

void user_accept(struct entry* listener, uint32_t count) {
  int32_t result =
      iocp_accept(ledger.ports[listener->port].id, listener->id, count);
  TRACE("iocp_accept(%d.%d, %u): %d",
        listener->port,
        listener->id,
        count,
        result);
  reasons_check_call(listener->port, result);
  if (listener->is_closing || listener->is_closed) {
    RULE("a listener that is closing takes no calls", result == -IOCP_EBADF);
    return;
  }
  if (user_is_over_part(listener, result)) return;
  if (listener->kind == ENTRY_LISTENER && listener->is_stopped &&
      count <= IOCP_ACCEPT_MAX) {
    RULE("a listener that was stopped accepts nothing more",
         result == -IOCP_ESHUTDOWN);
    return;
  }
  if (listener->kind != ENTRY_LISTENER || count > IOCP_ACCEPT_MAX) {
    RULE("only a listener accepts, and only a valid number",
         result == -IOCP_EINVAL);
    return;
  }
  RULE("an accept succeeds", result == 0);
  /* A part gives back what it has not delivered. */
  if (count == 0 && listener->target != 0 && !listener->is_part)
    listener->late = listener->target_max;
  if (count == 0 && listener->is_part) user_lose_listener(listener);
  listener->target = count;
  if (count > listener->target_max) listener->target_max = count;
}

struct guest* user_invite(uint32_t port) {
  struct entry* listener = NULL;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct entry* entry = &ledger.entries[i];
    bool is_taken = entry->local != 0 && ledger.is_taken[entry->path];
    if (entry->port == port && entry->kind == ENTRY_LISTENER && !is_taken &&
        !entry->is_closing && !entry->is_closed)
      listener = entry;
  }
  return listener == NULL ? NULL : guests_connect(listener);
}

/* ---- connecting */

struct user__target {
  struct iocp_address remote;
  enum peer_manner manner;
  bool is_to_guest;
  bool is_there;
  bool is_group;
};

static struct user__target user__of_host(enum peer_manner manner) {
  uint16_t family = tape_chance(200) ? 6 : 4;
  struct user__target target = {.manner = manner, .is_to_guest = true};
  struct host* host = guests_host(manner, family);
  if (host == NULL) return target;
  target.remote = host->address;
  target.is_there = true;
  if (family == 4 && tape_chance(50)) user__map(&target.remote);
  return target;
}

/* A listener of ours, which may be on any port. */
static struct user__target user__of_listener(void) {
  struct user__target target = {.manner = PEER_ACCEPTS};
  struct entry* listener = user_choose(ENTRY_LISTENER);
  if (listener == NULL || listener->local != 0) return target;
  struct iocp_address zero = user__wildcard(listener->address.family);
  target.remote = listener->address;
  target.is_there = true;
  if (memcmp(target.remote.bytes, zero.bytes, 16) == 0 && !tape_chance(300)) {
    uint16_t port = target.remote.port;
    target.remote = user__loopback(target.remote.family);
    target.remote.port = port;
  }
  return target;
}

/* No machine answers, or there is no route. The real network is not used. */
static struct user__target user__unanswered(void) {
  struct user__target target = {.manner = PEER_NEVER_ANSWERS,
                                .is_to_guest = true};
  target.remote = user__elsewhere(tape_choose(2) == 0 ? 4 : 6);
  target.remote.port = REASONS_NOWHERE;
  target.is_there = world_is_exact();
  return target;
}

/* A multicast group, or all machines. */
static struct user__target user__group(void) {
  static const struct iocp_address groups[] = {
      {.family = 4, .port = 9, .bytes = {224, 0, 0, 9}},
      {.family = 4, .port = 9, .bytes = {255, 255, 255, 255}},
      {.family = 6, .port = 9, .bytes = {0xff, 2, [15] = 9}}};
  return (struct user__target){
      .is_there = true, .is_group = true, .remote = groups[tape_choose(3)]};
}

static struct user__target user__target(void) {
  if (tape_chance(20)) return user__unanswered();
  if (tape_chance(15)) return user__group();
  switch (tape_choose(8)) {
    case 7:
      return user__of_host(PEER_NEVER_ANSWERS);
    case 6:
      return user__of_host(PEER_REFUSES);
    case 5:
    case 4:
    case 3:
      return user__of_listener();
    default:
      return user__of_host(PEER_ACCEPTS);
  }
}

/* A port to connect from: that of a listener, or one that nothing else uses. */
static uint16_t user__own_port(void) {
  const struct entry* listener = user_choose(ENTRY_LISTENER);
  if (listener != NULL && listener->local == 0 && tape_choose(2) == 0)
    return listener->address.port;
  return world_is_exact() ? (uint16_t)(USER__PORTS + ledger.entry_count) : 0;
}

void user_connect(uint32_t port) {
  if (!ledger_has_room() || ledger.guest_count == LEDGER_GUESTS) return;
  struct user__target target = user__target();
  if (!target.is_there) return;
  struct iocp_address local = user__loopback(target.remote.family);
  bool is_bound = tape_chance(100);
  bool is_elsewhere = is_bound && tape_chance(100);
  if (is_bound && tape_choose(3) == 0) local.port = user__own_port();
  if (is_bound && tape_chance(100)) local.family = 10 - local.family;
  if (is_elsewhere) local = user__elsewhere(local.family);
  int32_t id = iocp_connect(
      ledger.ports[port].id, &target.remote, is_bound ? &local : NULL);
  TRACE("iocp_connect(%u, family %d, port %d%s): %d",
        port,
        target.remote.family,
        target.remote.port,
        is_bound ? ", bound" : "",
        id);
  reasons_check_call(port, id);
  if (id < 0) {
    RULE("only a port that was asked for is in use",
         id != -IOCP_EADDRINUSE || (is_bound && local.port != 0));
    if (!ERROR_IS(id,
                  IOCP_EADDRNOTAVAIL,
                  IOCP_EADDRINUSE,
                  IOCP_EACCES,
                  IOCP_EAFNOSUPPORT,
                  IOCP_ENETUNREACH,
                  IOCP_EHOSTUNREACH))
      report_violation(
          "connecting fails with one of the expected errors", "%d", id);
    return;
  }
  RULE("only an address of this machine can be bound", !is_elsewhere);
  RULE("a group is not connected to", !target.is_group);
  struct entry* entry = ledger_entry(port, id, ENTRY_CONNECTING);
  entry->end = ledger_end(true, false);
  entry->end->server_port = target.remote.port;
  entry->manner = target.manner;
  entry->is_to_guest = target.is_to_guest;
}

/* ---- adopting */

/* The addresses of a socket that the program has connected are known only
 * now. */
static void user__set_addresses(struct entry* entry) {
  struct iocp_address local;
  if (entry->local == 0 && !entry->end->has_addresses &&
      iocp_get_address(ledger.ports[entry->port].id,
                       entry->id,
                       IOCP_LOCAL,
                       &local,
                       sizeof(struct iocp_address)) ==
          (int32_t)sizeof(struct iocp_address))
    ledger_set_addresses(entry->end, &local, entry->end->server_port);
}

/* Without memory for it, or when the system does not say it, there is none. */
static void user__check_name(struct entry* entry, double handle) {
  struct iocp_path expected, path;
  entry->has_odd_name = world_handle_name(handle, &expected);
  if (!entry->has_odd_name) return;
  int32_t result = iocp_get_address(
      ledger.ports[entry->port].id, entry->id, IOCP_LOCAL, &path, sizeof path);
  RULE("an adopted pipe has the name that the system reports",
       result == 4 + path.length && path.family == IOCP_PIPE &&
           (path.length == 0 ||
            (path.length == expected.length &&
             memcmp(path.bytes, expected.bytes, path.length) == 0)));
}

static void user__adopt(uint32_t port, uint32_t index, uint32_t flags) {
  struct loose* loose = &ledger.loose[index];
  double handle = loose->handle;
  int32_t id = iocp_add_socket(ledger.ports[port].id, handle, flags);
  TRACE("iocp_add_socket(%u, %.0f, %u): %d", port, handle, flags, id);
  reasons_check_call(port, id);
  if (id < 0) {
    /* The peer may have reset it, and then it is not connected any more. */
    bool was_tried = loose->has_failed;
    loose->has_failed = true;
    if (was_tried && id == -IOCP_EEXIST && !world_detaches_ports()) return;
    if (!ERROR_IS(id, IOCP_ENOTCONN, IOCP_EINVAL, IOCP_ECONNRESET))
      report_violation(
          "adopting fails with one of the expected errors", "%d", id);
    return;
  }
  struct entry* entry = ledger_entry(port, id, ENTRY_STREAM);
  entry->end = loose->end;
  entry->local = loose->end->local;
  entry->path = loose->end->path;
  /* The library does not know what happened to it before. */
  entry->end->has_short = false;
  entry->was_shut = entry->end->has_fin;
  user__set_addresses(entry);
  if (entry->local == IOCP_PIPE) user__check_name(entry, handle);
  *loose = ledger.loose[--ledger.loose_count];
  RULE("an adopted socket may be on another port already",
       iocp_add_socket(ledger.ports[port].id, handle, 0) < 0);
}

void user_add_loose(uint32_t port) {
  if (ledger.loose_count == 0 || !ledger_has_room()) return;
  uint32_t index = tape_choose(ledger.loose_count);
  bool is_detached = ledger.loose[index].is_detached;
  if (ledger.loose[index].is_spare) return;
  user__adopt(port, index, is_detached ? IOCP_DETACHED : 0);
}

/* The other end of a connection that was made just now is closed. */
static void user__end_newest(uint16_t local) {
  uint32_t count = ledger.guest_count;
  guests_look();
  if (ledger.guest_count == count) return;
  struct guest* guest = &ledger.guests[ledger.guest_count - 1];
  if (guest->end->local != local || !guest->is_open || guest->is_gone) return;
  if (tape_choose(2) == 0)
    guest_close(guest);
  else
    guest_reset(guest);
}

static void user__refuse_pipe(uint32_t port,
                              double handle,
                              enum world_local_handle kind) {
  int32_t result = iocp_add_socket(ledger.ports[port].id, handle, 0);
  bool is_unknown = kind == WORLD_LOCAL_SYNCHRONOUS && !world_detaches_ports();
  TRACE("iocp_add_socket(%u, of kind %d): %d", port, (int)kind, result);
  if (kind == WORLD_LOCAL_WRITES)
    RULE("a pipe that may not be read is refused",
         ERROR_IS(result, IOCP_EACCES));
  else if (kind == WORLD_LOCAL_UNASKED)
    RULE("a pipe that may not be asked what it is is refused",
         ERROR_IS(result, IOCP_ENOTSOCK));
  else
    RULE("a pipe that is no stream of bytes, or not overlapped, is refused",
         ERROR_IS(result, IOCP_ENOTSUP) ||
             (result == -IOCP_EEXIST && is_unknown));
}

/* A local connection that the program has made itself. */
static void user__add_local(uint32_t port, uint16_t local) {
  struct iocp_path name;
  struct host* host = guests_local_host(PEER_ACCEPTS, local);
  if (host == NULL) return;
  enum world_local_handle kind = (enum world_local_handle)(
      tape_choose(3) == 0 ? tape_choose(WORLD_LOCAL_HANDLES)
                          : WORLD_LOCAL_BYTES);
  ledger_path(local, host->path, &name);
  double handle = world_handle_connect_path(&name, kind);
  if (handle < 0) return;
  TRACE("the program has opened %.*s itself: %.0f",
        (int)name.length,
        (const char*)name.bytes,
        handle);
  if (kind == WORLD_LOCAL_BYTES) {
    struct end* end = ledger_local_end(true, false, local, host->path);
    ledger.loose[ledger.loose_count++] =
        (struct loose){.handle = handle, .end = end};
    if (tape_chance(300)) user__end_newest(local);
    user__adopt(port, ledger.loose_count - 1, 0);
    return;
  }
  user__refuse_pipe(port, handle, kind);
  world_handle_close(handle);
}

void user_add_foreign(uint32_t port) {
  if (!ledger_has_room() || ledger.guest_count == LEDGER_GUESTS) return;
  uint16_t local = tape_choose(2) == 0 ? IOCP_PIPE : IOCP_UNIX;
  if (world_has_local(local) && tape_chance(300)) {
    user__add_local(port, local);
    return;
  }
  struct host* host = guests_host(PEER_ACCEPTS, 4);
  double handle = host == NULL ? -1 : world_handle_connect(host->listener);
  if (handle < 0) return;
  struct end* end = ledger_end(true, false);
  end->server_port = host->address.port;
  ledger.loose[ledger.loose_count++] =
      (struct loose){.handle = handle, .end = end};
  TRACE("the program has connected %.0f itself", handle);
  user__adopt(port, ledger.loose_count - 1, 0);
}

/* One that no completion port accepts. */
static void user__add_synchronous(uint32_t port) {
  if (ledger.guest_count == LEDGER_GUESTS) return;
  struct host* host = guests_host(PEER_ACCEPTS, 4);
  if (host == NULL) return;
  double handle = world_handle_synchronous(host->listener);
  if (handle < 0) return;
  bool can_ask = world_detaches_ports();
  uint32_t flags = can_ask && tape_choose(2) != 0 ? IOCP_DETACHED : 0;
  int32_t result = iocp_add_socket(ledger.ports[port].id, handle, flags);
  TRACE("iocp_add_socket(%u, a synchronous one): %d", port, result);
  /* Only if the system can tell it from one that is on a port. */
  RULE("a socket that is not overlapped is refused as such",
       ERROR_IS(result, IOCP_ENOTSUP) || (result == -IOCP_EEXIST && !can_ask));
  world_handle_close(handle);
}

void user_add_odd(uint32_t port) {
  if (tape_chance(300)) {
    user__add_synchronous(port);
    return;
  }
  enum world_odd odd = (enum world_odd)tape_choose(WORLD_ODDS);
  /* Where there are local sockets, this one is not odd. */
  if (odd == WORLD_LOCAL_STREAM && world_has_local(IOCP_UNIX))
    odd = WORLD_UNCONNECTED;
  double handle = world_handle_odd(odd);
  if (handle < 0) return;
  int32_t result = iocp_add_socket(ledger.ports[port].id, handle, 0);
  TRACE("iocp_add_socket(%u, not a connected stream, %d): %d",
        port,
        (int)odd,
        result);
  RULE("only a connected stream is adopted", ERROR_IS(result, IOCP_ENOTCONN));
  world_handle_close(handle);
}

/* The library closes it. False: this is left to the program. */
static bool user__drop(const struct loose* loose) {
  uint32_t port = user_choose_port();
  if (port == LEDGER_PORTS || tape_choose(2) == 0) return false;
  bool is_pipe = loose->end->local == IOCP_PIPE;
  if (!is_pipe) world_handle_dropped(loose->handle);
  int32_t result = iocp_drop(ledger.ports[port].id, loose->handle);
  TRACE("iocp_drop(%.0f): %d", loose->handle, result);
  RULE("the handle of a socket can be dropped",
       result == (is_pipe ? -IOCP_ENOTSOCK : 0));
  return !is_pipe;
}

void user_close_loose(void) {
  if (ledger.loose_count == 0) return;
  uint32_t index = tape_choose(ledger.loose_count);
  struct loose loose = ledger.loose[index];
  ledger.loose[index] = ledger.loose[--ledger.loose_count];
  TRACE("the program closes %.0f", loose.handle);
  if (!user_is_held(loose.end)) {
    loose.end->has_fin = true;
    loose.end->resets_from_ms = 0;
  }
  if (!user__drop(&loose)) world_handle_close(loose.handle);
}
