/* SPDX-License-Identifier: MIT */
/*
 * Listeners that hand out their connections, and the parts that get them, on
 * ports of this thread and of others (sharers.c).
 *
 * What a listener has handed out and its parts have not delivered is counted:
 * only connections that were reset by their peers may be missing.
 */
#include <string.h>

#include "guests.h"
#include "report.h"
#include "schedule.h"
#include "sharers.h"
#include "tape.h"
#include "user.h"

/* More than a part holds, and more than a share. */
#define SHARE__BURST (IOCP_SHARE_PART_MAX + 2)
#define SHARE__FLOOD (IOCP_SHARE_PART_MAX + IOCP_SHARE_QUEUE_MAX + 2)

static int32_t share__port(const struct entry* entry) {
  return ledger.ports[entry->port].id;
}

static bool share__is_open(const struct entry* entry) {
  return !entry->is_closed && !entry->is_closing;
}

static bool share__accepts(const struct entry* part) {
  return part->is_part && share__is_open(part) && part->target != 0;
}

/* ---- counting */

void user_share_ask(struct entry* entry) {
  struct iocp_socket_stats stats;
  if (!user_hands_out(entry) || !share__is_open(entry)) return;
  RULE("counters can be read",
       iocp_socket_stats(share__port(entry), entry->id, &stats) == 0);
  uint64_t count = (uint64_t)stats.accepted - entry->accepted_before;
  RULE("what was handed out is counted", count >= entry->handed_out);
  /* It has accepted again, which is not reported. */
  if (count != entry->handed_out) entry->has_failed = false;
  entry->handed_out = count;
}

uint64_t user_handed_out(uint32_t port) {
  uint64_t count = 0;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct entry* entry = &ledger.entries[i];
    if (entry->port != port || !user_hands_out(entry)) continue;
    user_share_ask(entry);
    count += entry->handed_out;
  }
  return count;
}

/* Of a share: handed out by its listeners. */
static uint64_t share__handed_out(const struct ledger_share* share) {
  uint64_t count = 0;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct entry* entry = &ledger.entries[i];
    if (entry->share != share || entry->is_part) continue;
    user_share_ask(entry);
    count += entry->handed_out;
  }
  return count;
}

/* Connections that no part was given. */
static uint64_t share__waiting(const struct ledger_share* share) {
  struct iocp_socket_stats stats;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->share != share || entry->is_part || !share__is_open(entry))
      continue;
    RULE("counters can be read",
         iocp_socket_stats(share__port(entry), entry->id, &stats) == 0);
    /* Perhaps some are still in the engine. */
    return (uint64_t)stats.accepts_ready;
  }
  return 0;
}

static bool share__has_port(const struct ledger_share* share, uint16_t port) {
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->share == share && entry->address.port == port) return true;
  }
  return false;
}

/* Connections to the listeners that were not reported, and that their clients
 * may have reset. */
static uint64_t share__left(const struct ledger_share* share) {
  uint64_t count = 0;
  for (uint32_t i = 0; i < ledger.end_count; i++) {
    const struct end* end = &ledger.ends[i];
    bool is_here =
        share->local != 0
            ? end->local == share->local && end->path == share->path
            : end->local == 0 && share__has_port(share, end->server_port);
    if (!is_here || end->is_server || end->other != NULL) continue;
    /* The peers of local sockets are known by their bytes alone. */
    if (end->resets_from_ms != LEDGER_NEVER || end->is_over || end->met_reset ||
        end->local != 0)
      count++;
  }
  return count;
}

/* Some part may hold connections back, or was without memory for one. */
static bool share__is_unclear(const struct ledger_share* share) {
  if (world_has_broken() || world_has_raced()) return true;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->share == share &&
        (entry->has_deferred || entry->has_failed || entry->had_first_byte_ms))
      return true;
  }
  return false;
}

bool user_has_undelivered(const struct ledger_share* share) {
  sharers_collect();
  if (share__is_unclear(share)) return false;
  return share__handed_out(share) > share->delivered + share__left(share);
}

bool user_has_part(const struct ledger_share* share) {
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    if (ledger.entries[i].share == share && share__accepts(&ledger.entries[i]))
      return true;
  return sharers_take(share);
}

/* Whether a listener takes what connects to it, and hands it out: not if
 * another process may accept it. */
static bool share__serves(const struct entry* listener) {
  return user_hands_out(listener) && share__is_open(listener) &&
         listener->target != 0 && listener->shared == 0 &&
         user_has_part(listener->share) && !share__is_unclear(listener->share);
}

/* A port may have several listeners, of a share or not, at other addresses.
 * Each has a backlog of its own, and a listener at "::" may accept IPv4 or not,
 * so it is not known which of them has the connection: all must take it. */
bool user_must_reach(const struct guest* guest) {
  bool is_served = false;
  if (guest->may_be_lost || !world_is_exact()) return false;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->kind != ENTRY_LISTENER || entry->is_part || entry->is_closed ||
        entry->local != 0 || entry->address.port != guest->end->server_port)
      continue;
    if (!share__serves(entry)) return false;
    is_served = true;
  }
  return is_served;
}

static void share__check(struct ledger_share* share) {
  bool is_left = true;
  sharers_collect();
  schedule_checks++;
  RULE("what was handed out is delivered once",
       share->delivered <= share__handed_out(share));
  if (!share->is_over || share->may_lose) return;
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    if (ledger.entries[i].share == share && share__is_open(&ledger.entries[i]))
      is_left = false;
  if (is_left)
    RULE("the parts deliver what was accepted before the listener was closed",
         !user_has_undelivered(share));
}

void user_check_shares(void) {
  for (uint32_t i = 0; i < ledger.share_count; i++)
    share__check(&ledger.shares[i]);
}

/* ---- wakes */

/* The port is to be polled, or has said when. */
static bool share__is_told(uint32_t index) {
  const struct ledger_port* port = &ledger.ports[index];
  if (port->is_watched || port->is_told || port->timeout_ms >= 0 ||
      (port->flags & IOCP_MORE) != 0)
    return true;
  return user_wait(index, 0) != 0;
}

/* One of the parts has connections, so its port is to be polled. */
static void share__check_wake(const struct ledger_share* share) {
  bool has_more = share__handed_out(share) >
                  share->delivered + share__left(share) + share__waiting(share);
  if (!has_more || share->may_lose || share__is_unclear(share) ||
      sharers_were_in(share) || !user_has_part(share))
    return;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* part = &ledger.entries[i];
    if (part->share == share && share__accepts(part) &&
        share__is_told(part->port))
      return;
  }
  report_violation("the port of a part that was given a connection is woken",
                   "share %d",
                   share->id);
}

/* ---- what is lost, and what is not */

bool user_is_over_part(const struct entry* entry, int32_t result) {
  return entry->is_part && entry->share->is_over && result == -IOCP_EBADF;
}

bool user_share_keeps(const struct entry* entry) {
  struct ledger_share* share = entry->share;
  /* It is closing already, or was the last one. */
  bool has_other = false;
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    if (&ledger.entries[i] != entry && ledger.entries[i].share == share &&
        share__accepts(&ledger.entries[i]))
      has_other = true;
  if (entry->is_part) {
    if (share->is_over && !has_other) share->may_lose = true;
    return !share->may_lose;
  }
  if (share__is_open(entry) && --share->listeners == 0) {
    share->is_over = true;
    if (!has_other || sharers_were_in(share)) share->may_lose = true;
  }
  /* What is in the backlog ends with the handle. */
  return false;
}

/* ---- calls */

static struct ledger_share* share__new(const struct entry* listener,
                                       int32_t id) {
  struct ledger_share* share = &ledger.shares[ledger.share_count++];
  *share = (struct ledger_share){
      .id = id,
      .process = ledger.ports[listener->port].process,
      .local = listener->local,
      .path = listener->path,
      .first = listener,
  };
  for (uint32_t i = 0; i + 1 < ledger.share_count; i++)
    RULE("the id of an earlier share is not used again",
         ledger.shares[i].id != id);
  return share;
}

static struct ledger_share* share__choose(void) {
  if (ledger.share_count == 0) return NULL;
  return &ledger
              .shares[ledger.share_count - 1 - tape_choose(ledger.share_count)];
}

/* Returns the error that iocp_share() must have, or 0. */
static int32_t share__refusal(const struct entry* entry,
                              const struct ledger_share* share) {
  if (entry->kind != ENTRY_LISTENER || entry->share != NULL || entry->defers ||
      entry->first_byte_ms != 0)
    return -IOCP_EINVAL;
  if (entry->local == IOCP_PIPE) return -IOCP_ENOTSUP;
  return share != NULL && share->is_over ? -IOCP_ENOENT : 0;
}

static void share__share(struct entry* entry, struct ledger_share* share) {
  struct iocp_socket_stats stats = {0};
  if (share == NULL && ledger.share_count == LEDGER_SHARES) return;
  /* A share of several names has no use. */
  if (share != NULL && (share->local != 0 || entry->local != 0)) return;
  if (share != NULL && share->process != ledger.ports[entry->port].process)
    return;
  if (entry->kind == ENTRY_LISTENER && share__is_open(entry))
    iocp_socket_stats(share__port(entry), entry->id, &stats);
  int32_t result =
      iocp_share(share__port(entry), entry->id, share == NULL ? -1 : share->id);
  TRACE("iocp_share(%d.%d, %d): %d",
        entry->port,
        entry->id,
        share == NULL ? -1 : share->id,
        result);
  schedule_checks++;
  if (!share__is_open(entry) || user_is_over_part(entry, result)) {
    RULE("a socket that is closing is not shared", result == -IOCP_EBADF);
    return;
  }
  int32_t refusal = share__refusal(entry, share);
  if (refusal != 0) {
    /* A share that has ended has a number of its own again. */
    RULE("only a listener of a stream is shared, and once",
         result == refusal || error_is_fault(result) || entry->may_expire);
    return;
  }
  if (result < 0) {
    RULE("sharing fails with one of the expected errors",
         error_is_fault(result));
    return;
  }
  RULE("a listener gets the share that was asked for",
       share == NULL || share->id == result);
  if (share == NULL) share = share__new(entry, result);
  share->listeners++;
  entry->share = share;
  entry->accepted_before = (uint64_t)stats.accepted;
}

/* Parts inherit nothing from the listener but its address. */
static void share__took(uint32_t port, struct ledger_share* share, int32_t id) {
  struct entry* entry = ledger_entry(port, id, ENTRY_LISTENER);
  entry->is_part = true;
  entry->share = share;
  entry->local = share->local;
  entry->path = share->path;
  entry->flags = share->first->flags & IOCP_IPV6_ONLY;
  if (entry->local == 0) {
    user_ask_address(entry);
    RULE("a part has the address of the first listener",
         memcmp(&entry->address,
                &share->first->address,
                sizeof entry->address) == 0);
  }
  if (tape_choose(4) != 3) user_accept(entry, 1 + tape_choose(4));
}

static void share__take(uint32_t port, struct ledger_share* share) {
  if (share == NULL || share->process != ledger.ports[port].process ||
      !ledger_has_room())
    return;
  int32_t id = iocp_take_part(ledger.ports[port].id, share->id);
  TRACE("iocp_take_part(%u, %d): %d", port, share->id, id);
  schedule_checks++;
  if (share->is_over) {
    RULE("a share that is over has no new parts", ERROR_IS(id, IOCP_ENOENT));
    return;
  }
  if (id < 0) {
    RULE("a part can be taken", error_is_fault(id));
    return;
  }
  share__took(port, share, id);
}

static void share__misuse(uint32_t port) {
  int32_t id = ledger.ports[port].id;
  struct entry* stream = user_choose(ENTRY_STREAM);
  RULE("the id of a share is checked",
       ERROR_IS(iocp_take_part(id, -1), IOCP_ENOENT) &&
           ERROR_IS(iocp_take_part(id, INT32_MAX), IOCP_ENOENT));
  if (stream != NULL) share__share(stream, NULL);
}

/* Several peers at once, and then the listener is polled. */
static void share__invite(struct ledger_share* share) {
  uint32_t count = 1 + tape_choose(SHARE__BURST);
  if (tape_chance(20)) count = SHARE__FLOOD;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct entry* entry = &ledger.entries[i];
    if (entry->share != share || entry->is_part || !share__is_open(entry))
      continue;
    while (count-- != 0 && guests_connect(entry) != NULL) continue;
    world_pause(tape_choose(3));
    user_poll(entry->port);
    if (tape_choose(2) == 0) share__check_wake(share);
    return;
  }
}

/* More than the parts hold, so that some wait in the share. */
static void share__fill(struct entry* listener) {
  user_accept(listener, 2 * SHARE__BURST);
  user_poll(listener->port);
  for (uint32_t i = 0; i < 2 * SHARE__BURST; i++)
    if (guests_connect(listener) == NULL) break;
  world_pause(2);
  user_poll(listener->port);
}

void user_fill_shares(void) {
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct entry* entry = &ledger.entries[i];
    if (user_hands_out(entry) && share__is_open(entry) && !entry->is_stopped &&
        entry->local == 0 && user_has_part(entry->share))
      share__fill(entry);
  }
}

/* A listener with what it needs to hand something out. */
static void share__begin(uint32_t port) {
  struct entry* entry = user_choose(ENTRY_LISTENER);
  if (entry == NULL || entry->is_part) {
    user_listen(port);
    entry = user_choose(ENTRY_LISTENER);
  }
  if (entry == NULL || !share__is_open(entry) || entry->is_part) return;
  if (entry->target == 0) user_accept(entry, 1 + tape_choose(8));
  share__share(entry, NULL);
}

/* A listener at the address of the first, on the other interface. */
static void share__widen(uint32_t port, struct ledger_share* share) {
  struct iocp_address address = share->first->address;
  if (!ledger_has_room()) return;
  address.scope = 3 - address.scope;
  address.port = 0;
  struct entry* entry = user_listen_at(port, &address, 16, 0);
  if (entry == NULL) return;
  user_accept(entry, 1 + tape_choose(4));
  share__share(entry, share);
}

void user_share(uint32_t port) {
  struct ledger_share* share = share__choose();
  switch (tape_choose(12)) {
    case 11:
      share__misuse(port);
      return;
    case 10: {
      if (share != NULL && share->first->address.scope != 0 &&
          tape_choose(2) != 0) {
        share__widen(port, share);
        return;
      }
      struct entry* entry = user_choose(ENTRY_LISTENER);
      if (entry != NULL) share__share(entry, share);
      return;
    }
    case 9:
    case 8:
      if (share == NULL || share->is_over || tape_choose(4) == 3)
        share__begin(port);
      else
        sharers_join(share);
      return;
    case 7:
      sharers_leave();
      return;
    case 6:
    case 5:
    case 4:
      if (share == NULL) share__begin(port);
      share__take(port, share__choose());
      return;
    case 3:
      user_check_shares();
      if (share != NULL) share__check_wake(share);
      return;
    default:
      if (share == NULL)
        share__begin(port);
      else
        share__invite(share);
  }
}
