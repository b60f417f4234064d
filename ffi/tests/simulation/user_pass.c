/* SPDX-License-Identifier: MIT */
/*
 * Listeners that others made, and sockets that are passed from port to port:
 * those of several processes, or of one.
 *
 * A connection that was passed has several handles. Only one of them is used;
 * the others are spare, and are only closed. A listener may be used through all
 * of its handles at once.
 */
#include <string.h>

#include "guests.h"
#include "reasons.h"
#include "report.h"
#include "schedule.h"
#include "tape.h"
#include "user.h"

static int32_t pass__port(uint32_t port) {
  world_process(ledger.ports[port].process);
  return ledger.ports[port].id;
}

/* ---- the handles of a socket */

static bool pass__is_used(const struct entry* entry) {
  return !entry->is_closed && !entry->is_closing;
}

static bool pass__is_in_inbox(const struct end* end, uint32_t shared) {
  for (uint32_t i = 0; i < ledger.passed_count; i++) {
    const struct passed* passed = &ledger.passed[i];
    if (!passed->is_void &&
        (end != NULL
             ? passed->end == end
             : passed->listener != NULL && passed->listener->shared == shared))
      return true;
  }
  return false;
}

bool user_is_held_elsewhere(const struct end* end) {
  for (uint32_t i = 0; i < ledger.loose_count; i++)
    if (ledger.loose[i].end == end) return true;
  return pass__is_in_inbox(end, 0);
}

bool user_is_held(const struct end* end) {
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    if (ledger.entries[i].end == end && !ledger.entries[i].is_closed)
      return true;
  return user_is_held_elsewhere(end);
}

/* Whether another entry, or a ticket, has the socket of a listener. */
static bool pass__has_other(const struct entry* listener) {
  if (listener->shared == 0) return false;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry != listener && entry->kind == ENTRY_LISTENER &&
        entry->shared == listener->shared && pass__is_used(entry))
      return true;
  }
  return pass__is_in_inbox(NULL, listener->shared);
}

/* A connection that was not reported may be that of any listener with this
 * port. */
static void pass__lose_guests(const struct entry* listener) {
  for (uint32_t i = 0; i < ledger.guest_count; i++) {
    struct guest* guest = &ledger.guests[i];
    if (guest->end->server_port == listener->address.port)
      guest->may_be_lost = true;
  }
}

void user_lose_listener(const struct entry* entry) {
  if (entry->share != NULL && user_share_keeps(entry)) return;
  bool is_lost = entry->share != NULL && entry->share->may_lose;
  bool has_drained = !is_lost && entry->is_stopped && entry->late == 0;
  if (!has_drained || !pass__has_other(entry)) pass__lose_guests(entry);
}

/* It can no longer be taken. */
static void pass__lose(struct passed* passed) {
  passed->is_void = true;
  if (passed->end == NULL) {
    /* Its handle may have been the last one. */
    pass__lose_guests(passed->listener);
  } else if (!user_is_held(passed->end)) {
    passed->end->has_fin = true;
    passed->end->resets_from_ms = 0;
  }
}

/* Whether a ticket for one port is good for another. */
static bool pass__is_same_inbox(uint32_t port, uint32_t other) {
  return port == other ||
         (world_has_processes() &&
          ledger.ports[port].process == ledger.ports[other].process);
}

/* Where the ticket can be used, or LEDGER_PORTS. */
static uint32_t pass__find_port(const struct passed* passed) {
  for (uint32_t i = 0; i < ledger.port_count; i++)
    if (ledger.ports[i].is_open && pass__is_same_inbox(i, passed->port))
      return i;
  return LEDGER_PORTS;
}

void user_lose_inbox(uint32_t port) {
  (void)port;
  for (uint32_t i = 0; i < ledger.passed_count; i++) {
    struct passed* passed = &ledger.passed[i];
    if (!passed->is_void && pass__find_port(passed) == LEDGER_PORTS)
      pass__lose(passed);
  }
}

/* ---- passing */

static bool pass__ask_inbox(uint32_t index) {
  struct ledger_port* port = &ledger.ports[index];
  uint8_t address[IOCP_INBOX_MAX];
  int32_t length = iocp_inbox(pass__port(index), address, sizeof address);
  TRACE("iocp_inbox(%u): %d", index, length);
  if (length < 0) {
    RULE("a port has an inbox", error_is_fault(length));
    return false;
  }
  RULE("an inbox keeps its address",
       port->inbox_length == 0 ||
           (port->inbox_length == (uint32_t)length &&
            memcmp(port->inbox, address, (uint32_t)length) == 0));
  memcpy(port->inbox, address, (uint32_t)length);
  port->inbox_length = (uint32_t)length;
  return true;
}

static int32_t pass__pass(uint32_t from,
                          int32_t id,
                          double handle,
                          uint32_t to,
                          struct passed* passed) {
  const struct ledger_port* port = &ledger.ports[to];
  int32_t result = iocp_pass(pass__port(from),
                             id,
                             handle,
                             port->inbox,
                             port->inbox_length,
                             passed->ticket,
                             sizeof passed->ticket);
  TRACE("iocp_pass(%u, %d, %.0f) to port %u: %d", from, id, handle, to, result);
  reasons_check_call(from, result);
  schedule_checks++;
  passed->port = to;
  passed->length = (uint32_t)result;
  return result;
}

/* Returns true for a success. */
static bool pass__check(int32_t result, uint32_t to) {
  struct passed there = {.port = to};
  if (pass__find_port(&there) == LEDGER_PORTS) {
    RULE("nothing is passed to a process that has ended",
         ERROR_IS(result, IOCP_ECONNREFUSED) ||
             (!world_has_processes() && result == -IOCP_EBUSY));
    return false;
  }
  if (result < 0) {
    RULE("passing fails with one of the expected errors",
         error_is_fault(result) ||
             (!world_has_processes() && result == -IOCP_EBUSY));
    return false;
  }
  RULE("a ticket has a length", result != 0 && result <= IOCP_TICKET_MAX);
  return true;
}

static struct passed* pass__listener(struct entry* entry, uint32_t to) {
  struct passed* passed = &ledger.passed[ledger.passed_count];
  *passed = (struct passed){.listener = entry};
  int32_t result = pass__pass(entry->port, entry->id, 0, to, passed);
  if (entry->is_closing) {
    RULE("a listener that is closing is not passed", result == -IOCP_EBADF);
    return NULL;
  }
  if (entry->is_part) {
    RULE("a part is not passed",
         user_is_over_part(entry, result) || result == -IOCP_ENOTSUP);
    return NULL;
  }
  if (entry->local == IOCP_PIPE) {
    RULE("a pipe is not passed", result == -IOCP_ENOTSUP);
    return NULL;
  }
  if (!pass__check(result, to)) return NULL;
  if (entry->shared == 0) entry->shared = ++ledger.shared_count;
  /* Its file is removed with the handle of its maker, unless that stops. */
  if (entry->local != 0) ledger.is_taken[entry->path] = true;
  ledger.passed_count++;
  return passed;
}

static void pass__stream(uint32_t from,
                         const struct loose* loose,
                         uint32_t to) {
  struct passed* passed = &ledger.passed[ledger.passed_count];
  *passed = (struct passed){.end = loose->end};
  int32_t result = pass__pass(from, -1, loose->handle, to, passed);
  if (loose->end->local == IOCP_PIPE) {
    RULE("a pipe is not passed", result == -IOCP_ENOTSOCK);
    return;
  }
  if (pass__check(result, to)) ledger.passed_count++;
}

/* What cannot be passed. */
static void pass__wrong(uint32_t from, uint32_t to) {
  struct passed passed;
  struct entry* stream = user_choose(ENTRY_STREAM);
  RULE("a handle is a whole number",
       pass__pass(from, -1, 0.5, to, &passed) == -IOCP_EINVAL);
  RULE("only a socket is passed",
       ERROR_IS(pass__pass(from, -1, 40001, to, &passed), IOCP_ENOTSOCK));
  RULE("only a socket is dropped",
       ERROR_IS(iocp_drop(pass__port(from), 40001), IOCP_ENOTSOCK));
  if (stream == NULL || stream->may_expire || stream->is_closing) return;
  RULE("a connection is passed by its handle",
       pass__pass(stream->port, stream->id, 0, to, &passed) == -IOCP_EINVAL);
}

void user_pass(void) {
  uint32_t from = user_choose_port();
  uint32_t to = tape_choose(ledger.port_count);
  if (ledger.passed_count == LEDGER_PASSED || from == LEDGER_PORTS) return;
  if (ledger.ports[to].is_open && !pass__ask_inbox(to)) return;
  if (ledger.ports[to].inbox_length == 0) return;
  if (tape_chance(50)) {
    pass__wrong(from, to);
    return;
  }
  if (ledger.loose_count != 0 && tape_choose(2) == 0) {
    pass__stream(from, &ledger.loose[tape_choose(ledger.loose_count)], to);
    return;
  }
  struct entry* entry = user_choose(ENTRY_LISTENER);
  if (entry != NULL) pass__listener(entry, to);
}

/* ---- taking */

static void pass__drop(uint32_t port, double handle) {
  world_handle_dropped(handle);
  int32_t result = iocp_drop(pass__port(port), handle);
  TRACE("iocp_drop(%.0f): %d", handle, result);
  RULE("the handle of a socket can be dropped", result == 0);
}

/* A listener of this process has been adopted already. */
static bool pass__is_adopted(uint32_t shared) {
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    if (ledger.entries[i].shared == shared && ledger.entries[i].is_adopted)
      return true;
  return false;
}

static struct entry* pass__added(uint32_t port,
                                 int32_t id,
                                 uint16_t local,
                                 const struct iocp_address* address,
                                 uint32_t flags) {
  struct entry* entry = ledger_entry(port, id, ENTRY_LISTENER);
  entry->flags = (uint16_t)(flags & IOCP_ALL_NO_DELAY);
  entry->is_adopted = true;
  entry->local = local;
  if (local != 0) return entry;
  user_ask_address(entry);
  RULE("a listener that was added has the address of its socket",
       entry->address.port == address->port &&
           entry->address.family == address->family);
  return entry;
}

static struct entry* pass__took_listener(uint32_t port,
                                         const struct entry* listener,
                                         double handle) {
  uint32_t flags = IOCP_DETACHED;
  int32_t id;
  if (!ledger_has_room() || tape_choose(4) == 3) {
    pass__drop(port, handle);
    return NULL;
  }
  if (world_has_processes() && tape_choose(4) == 3) {
    id = iocp_add_listener(ledger.ports[port].id, handle, 0);
    RULE("a listener on another port is refused", ERROR_IS(id, IOCP_EEXIST));
  }
  if (tape_choose(4) == 3) flags |= IOCP_ALL_NO_DELAY;
  id = iocp_add_listener(ledger.ports[port].id, handle, flags);
  TRACE("iocp_add_listener(%u, %.0f): %d", port, handle, id);
  reasons_check_call(port, id);
  if (id < 0) {
    RULE("a listener that was taken is added",
         error_is_fault(id) || (id == -IOCP_EEXIST && !world_has_processes() &&
                                pass__is_adopted(listener->shared)));
    pass__drop(port, handle);
    return NULL;
  }
  struct entry* entry =
      pass__added(port, id, listener->local, &listener->address, flags);
  entry->flags |= listener->flags & IOCP_IPV6_ONLY;
  entry->path = listener->path;
  entry->shared = listener->shared;
  return entry;
}

static void pass__took_stream(double handle, struct end* end) {
  struct loose* owner = NULL;
  bool is_used = end->is_over;
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    if (ledger.entries[i].end == end && !ledger.entries[i].is_closed)
      is_used = true;
  for (uint32_t i = 0; i < ledger.loose_count; i++)
    if (ledger.loose[i].end == end && !ledger.loose[i].is_spare)
      owner = &ledger.loose[i];
  bool replaces = owner != NULL && tape_choose(4) != 3;
  if (replaces) owner->is_spare = true;
  RULE("the simulation has room for handles",
       ledger.loose_count < LEDGER_ENTRIES);
  ledger.loose[ledger.loose_count++] =
      (struct loose){.handle = handle,
                     .end = end,
                     .is_detached = true,
                     .is_spare = is_used || (owner != NULL && !replaces)};
}

/* Returns the handle, or an error. */
static int32_t pass__take(uint32_t port, struct passed* passed) {
  bool is_good = !passed->is_void && pass__is_same_inbox(port, passed->port);
  int32_t handle = iocp_take(pass__port(port), passed->ticket, passed->length);
  TRACE("iocp_take(%u) of port %u: %d", port, passed->port, handle);
  schedule_checks++;
  if (!is_good) {
    RULE("a ticket is good for one time, and for its inbox alone",
         ERROR_IS(handle, IOCP_ENOENT));
    return handle;
  }
  if (handle == -IOCP_ENOENT) {
    RULE("a socket that was passed can be taken", world_has_lost_passed());
    pass__lose(passed);
    return handle;
  }
  if (handle < 0) {
    RULE("taking fails with one of the expected errors",
         error_is_fault(handle));
    return handle;
  }
  world_handle_given(handle);
  passed->is_void = true;
  return handle;
}

void user_take(void) {
  uint32_t port = user_choose_port();
  if (ledger.passed_count == 0 || port == LEDGER_PORTS) return;
  struct passed* passed =
      &ledger
           .passed[ledger.passed_count - 1 - tape_choose(ledger.passed_count)];
  uint32_t its = pass__find_port(passed);
  if (its != LEDGER_PORTS && tape_choose(5) != 4) port = its;
  int32_t handle = pass__take(port, passed);
  if (handle < 0) return;
  if (passed->end != NULL) {
    pass__took_stream(handle, passed->end);
    return;
  }
  struct entry* entry = pass__took_listener(port, passed->listener, handle);
  if (entry != NULL) user_accept(entry, 1 + tape_choose(4));
}

/* Connections are adopted or closed, and listeners closed. */
void user_take_all(void) {
  for (uint32_t i = 0; i < ledger.passed_count; i++) {
    struct passed* passed = &ledger.passed[i];
    uint32_t port = pass__find_port(passed);
    if (passed->is_void || port == LEDGER_PORTS) continue;
    int32_t handle = pass__take(port, passed);
    if (handle < 0) continue;
    if (passed->end != NULL) {
      pass__took_stream(handle, passed->end);
      continue;
    }
    pass__lose_guests(passed->listener);
    pass__drop(port, handle);
  }
}

/* ---- stopping */

bool user_is_drained(struct entry* entry) {
  struct iocp_socket_stats stats;
  int32_t result =
      iocp_socket_stats(ledger.ports[entry->port].id, entry->id, &stats);
  if (user_is_over_part(entry, result)) return false;
  RULE("counters can be read", result == 0);
  if (stats.accepts_posted + stats.accepts_ready + stats.accepts_deferred != 0)
    return false;
  entry->late = 0;
  return true;
}

static void pass__stop(struct entry* entry) {
  int32_t result = iocp_stop(ledger.ports[entry->port].id, entry->id);
  TRACE("iocp_stop(%d.%d): %d", entry->port, entry->id, result);
  reasons_check_call(entry->port, result);
  if (entry->is_closing) {
    RULE("a listener that is closing takes no calls", result == -IOCP_EBADF);
    return;
  }
  if (user_is_over_part(entry, result)) return;
  if (entry->kind != ENTRY_LISTENER || entry->local == IOCP_PIPE) {
    RULE("only the listener of a socket is stopped",
         result ==
             (entry->kind != ENTRY_LISTENER ? -IOCP_EINVAL : -IOCP_ENOTSUP));
    return;
  }
  RULE("a listener can be stopped", result == 0);
  if (entry->has_deferred) pass__lose_guests(entry);
  /* A larger backlog has accepts too. */
  if (!entry->is_stopped && !entry->is_part) entry->late = IOCP_ACCEPT_MAX;
  entry->target = 0;
  if (entry->is_part) user_lose_listener(entry);
  entry->is_stopped = true;
  /* The file is that of another process from here on. */
  if (entry->local != 0 && !entry->is_part) ledger.is_taken[entry->path] = true;
}

void user_stop(void) {
  struct entry* entry = user_choose(ENTRY_LISTENER);
  struct entry* stream = user_choose(ENTRY_STREAM);
  if (stream != NULL && !stream->may_expire && tape_chance(50))
    pass__stop(stream);
  if (entry != NULL) pass__stop(entry);
}

/* A server restarts: the new process has the listener before the old one stops,
 * and no connection is lost. */
void user_hand_over(void) {
  struct entry* old = user_choose(ENTRY_LISTENER);
  uint32_t to = tape_choose(ledger.port_count);
  if (old == NULL || old->local != 0 || old->is_closing || old->is_part ||
      ledger.passed_count == LEDGER_PASSED || !ledger.ports[to].is_open ||
      !ledger_has_room() || !pass__ask_inbox(to))
    return;
  struct passed* passed = pass__listener(old, to);
  if (passed == NULL) return;
  if (tape_choose(2) != 0) guests_connect(old);
  int32_t handle = pass__take(to, passed);
  if (handle < 0) return;
  struct entry* new = pass__took_listener(to, old, handle);
  if (new == NULL) return;
  user_accept(new, 1 + tape_choose(4));
  pass__stop(old);
  if (tape_choose(2) != 0) guests_connect(new);
  if (tape_choose(2) != 0) user_poll(old->port);
  if (user_is_drained(old)) user_close(old, IOCP_GRACEFUL, 1000);
}

/* ---- listeners of others */

static void pass__add_odd(uint32_t port) {
  enum world_odd odd = (enum world_odd)tape_choose(WORLD_ODDS);
  if (odd == WORLD_LISTENING || odd == WORLD_LOCAL_LISTENING)
    odd = WORLD_DATAGRAM;
  double handle = world_handle_odd(odd);
  if (handle < 0) return;
  int32_t id = iocp_add_listener(
      ledger.ports[port].id, handle, tape_choose(2) * IOCP_DETACHED);
  TRACE("iocp_add_listener(%u, no listener, %d): %d", port, (int)odd, id);
  RULE("only a socket that listens is added",
       odd == WORLD_OTHER_LISTENING  ? ERROR_IS(id, IOCP_EAFNOSUPPORT)
       : odd == WORLD_PIPE_LISTENING ? ERROR_IS(id, IOCP_ENOTSOCK)
                                     : ERROR_IS(id, IOCP_EINVAL));
  /* The system was asked what it is, and has answered. */
  RULE("a socket that does not listen is refused by the library",
       id != -IOCP_EINVAL || iocp_native_error(ledger.ports[port].id) == 0);
  world_handle_close(handle);
}

static void pass__add_synchronous(uint32_t port, double handle) {
  bool can_ask = world_detaches_ports();
  uint32_t flags = can_ask && tape_choose(2) != 0 ? IOCP_DETACHED : 0;
  int32_t id = iocp_add_listener(ledger.ports[port].id, handle, flags);
  TRACE("iocp_add_listener(%u, a synchronous one): %d", port, id);
  reasons_check_call(port, id);
  /* Only if the system can tell it from one that is on a port. */
  RULE("a listener that is not overlapped is refused as such",
       ERROR_IS(id, IOCP_ENOTSUP) || (id == -IOCP_EEXIST && !can_ask));
  world_handle_close(handle);
}

/* A unix socket without a name that a peer could connect to. */
static void pass__add_local(uint32_t port) {
  if (!world_has_local(IOCP_UNIX)) return;
  double handle = world_handle_odd(WORLD_LOCAL_LISTENING);
  if (handle < 0) return;
  struct iocp_address none = {0};
  int32_t id = iocp_add_listener(ledger.ports[port].id, handle, 0);
  TRACE("iocp_add_listener(%u, a unix socket): %d", port, id);
  if (id < 0) {
    RULE("a unix socket that listens is added", error_is_fault(id));
    world_handle_close(handle);
    return;
  }
  struct entry* entry = pass__added(port, id, IOCP_UNIX, &none, 0);
  entry->path = LEDGER_PATHS - 1;
  user_accept(entry, 1 + tape_choose(4));
  if (tape_choose(2) != 0)
    RULE("a listener can be stopped",
         iocp_stop(ledger.ports[port].id, id) == 0);
  user_close(entry, IOCP_GRACEFUL, 1000);
}

void user_add_listener(uint32_t port) {
  struct iocp_address address;
  uint32_t flags = tape_choose(4) == 3 ? IOCP_ALL_NO_DELAY : 0;
  if (!ledger_has_room()) return;
  if (tape_chance(200)) {
    pass__add_odd(port);
    return;
  }
  if (tape_chance(50)) {
    pass__add_local(port);
    return;
  }
  double handle = world_handle_listen(tape_choose(4) == 3 ? 6 : 4, &address);
  if (handle < 0) return;
  if (tape_chance(50) && world_handle_make_synchronous(handle)) {
    pass__add_synchronous(port, handle);
    return;
  }
  if (tape_chance(50) && world_handle_fail(handle)) {
    int32_t id = iocp_add_listener(ledger.ports[port].id, handle, 0);
    RULE("the failure of a question is reported", ERROR_IS(id, IOCP_ENETDOWN));
    world_handle_close(handle);
    return;
  }
  if (tape_choose(2) != 0 && world_handle_bind(handle)) {
    int32_t id = iocp_add_listener(ledger.ports[port].id, handle, 0);
    RULE("a listener on another port is refused", ERROR_IS(id, IOCP_EEXIST));
    flags |= IOCP_DETACHED;
  }
  int32_t id = iocp_add_listener(ledger.ports[port].id, handle, flags);
  TRACE("iocp_add_listener(%u, %.0f, %u): %d", port, handle, flags, id);
  if (id < 0) {
    RULE("a socket that listens is added", error_is_fault(id));
    world_handle_close(handle);
    return;
  }
  struct entry* entry = pass__added(port, id, 0, &address, flags);
  RULE("a listener is added once",
       iocp_add_listener(ledger.ports[port].id, handle, 0) < 0);
  user_accept(entry, 1 + tape_choose(4));
}
