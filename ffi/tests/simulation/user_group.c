/* SPDX-License-Identifier: MIT */
/* Groups of sockets of one port. */
#include "report.h"
#include "schedule.h"
#include "tape.h"
#include "user.h"

static uint32_t* user__group_slot(uint32_t port) {
  return &ledger.ports[port].groups[tape_choose(LEDGER_GROUPS)];
}

/* The statistics of a group, from when it was asked for last. */
static struct iocp_stats* user__group_stats(uint32_t port, uint32_t group) {
  struct ledger_port* its = &ledger.ports[port];
  for (uint32_t i = 0; i < LEDGER_GROUPS; i++)
    if (group != 0 && its->groups[i] == group) return &its->group_stats[i];
  return NULL;
}

/* A socket that leaves a group takes what was counted for it along. */
static void user__group_left(uint32_t port, uint32_t group) {
  struct iocp_stats* last = user__group_stats(port, group);
  if (last != NULL) *last = (struct iocp_stats){0};
}

static void user__group_new(uint32_t port, uint32_t* slot) {
  int32_t result = iocp_group_new(ledger.ports[port].id);
  TRACE("iocp_group_new(%u): %d", port, result);
  if (error_is_fault(result)) return;
  RULE("a group is made, and its number is new",
       result > 0 && (uint32_t)result != ledger.ports[port].groups[0] &&
           (uint32_t)result != ledger.ports[port].groups[1]);
  *slot = (uint32_t)result;
  user__group_left(port, *slot);
}

/* Moves a socket into a group, or out of all groups. */
static void user__group_join(uint32_t port, uint32_t group) {
  static const enum entry_kind kinds[] = {
      ENTRY_STREAM, ENTRY_LISTENER, ENTRY_DATAGRAM};
  struct entry* entry = user_choose(kinds[tape_choose(3)]);
  if (entry == NULL || entry->port != port) return;
  int32_t id = ledger.ports[port].id;
  int32_t result = iocp_set_option(id, entry->id, IOCP_GROUP, (int32_t)group);
  TRACE("%d.%d joins group %u: %d", port, entry->id, group, result);
  if (entry->is_closing && result == -IOCP_EBADF) return;
  if (user_is_over_part(entry, result)) return;
  if (entry->may_expire && result == -IOCP_ETIMEDOUT) return;
  RULE("a socket can be put into a group", result == 0);
  if (entry->group != group) user__group_left(port, entry->group);
  entry->group = group;
  RULE("a socket has the group that was set",
       iocp_get_option(id, entry->id, IOCP_GROUP) == (int32_t)group);
}

/* Adds what is counted for a socket that can be asked. */
static void user__group_add(const struct entry* entry, struct iocp_stats* sum) {
  struct iocp_socket_stats its;
  int32_t id = ledger.ports[entry->port].id;
  if (iocp_socket_stats(id, entry->id, &its) != 0) return;
  sum->bytes_received += its.bytes_received;
  sum->bytes_sent += its.bytes_sent;
  sum->accepted += its.accepted;
  sum->accept_failures += its.accept_failures;
}

static bool user__group_has(const struct iocp_stats* stats,
                            const struct iocp_stats* least) {
  return stats->bytes_received >= least->bytes_received &&
         stats->bytes_sent >= least->bytes_sent &&
         stats->accepted >= least->accepted &&
         stats->accept_failures >= least->accept_failures;
}

static void user__group_ask(uint32_t port, uint32_t group) {
  struct iocp_stats stats, all, sum = {0};
  int32_t id = ledger.ports[port].id;
  uint32_t live = 0;
  bool may_defer = false;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->port != port) continue;
    if (entry->has_deferred) may_defer = true;
    if (entry->is_closed || entry->group != group) continue;
    live++;
    user__group_add(entry, &sum);
  }
  int32_t result = iocp_group_stats(id, group, &stats);
  schedule_checks++;
  RULE("counters of a group can be read",
       result == 0 && iocp_stats(id, &all) == 0);
  RULE("the counter of a group's sockets is right",
       stats.sockets == live || (may_defer && stats.sockets > live));
  RULE("a group has no more than its port",
       stats.operations <= all.operations &&
           stats.bytes_unsent <= all.bytes_unsent &&
           stats.bytes_posted <= all.bytes_posted &&
           user__group_has(&all, &stats));
  RULE("a group has what its sockets have", user__group_has(&stats, &sum));
  struct iocp_stats* last = user__group_stats(port, group);
  RULE("what a group has counted stays counted when its sockets are closed",
       user__group_has(&stats, last));
  *last = stats;
  RULE("a group counts the polls of its port",
       stats.polls == all.polls && stats.records == all.records);
}

void user_ask_groups(uint32_t port) {
  for (uint32_t i = 0; i < LEDGER_GROUPS; i++) {
    uint32_t group = ledger.ports[port].groups[i];
    if (group != 0) user__group_ask(port, group);
  }
}

static void user__group_close(uint32_t port, uint32_t* slot) {
  int32_t id = ledger.ports[port].id;
  uint32_t group = *slot;
  user__group_ask(port, group);
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct entry* entry = &ledger.entries[i];
    if (entry->port == port && entry->group == group && !entry->is_closed)
      user_abandon(entry);
  }
  uint64_t since_ms = world_now_ms();
  int32_t result = iocp_group_close(id, group);
  TRACE("iocp_group_close(%u, %u): %d", port, group, result);
  *slot = 0;
  RULE("a group can be closed", result == 0);
  RULE("a delete does not take long", world_now_ms() - since_ms < 1500);
  RULE("the id of a group is invalid once it is closed",
       iocp_group_close(id, group) == -IOCP_EINVAL);
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->port == port && entry->group == group &&
        ledger_find(port, entry->id) == NULL)
      RULE("the sockets of a closed group are closed",
           iocp_get_option(id, entry->id, IOCP_GROUP) == -IOCP_EBADF);
  }
  user_ask_port(port);
}

void user_group(uint32_t port) {
  uint32_t* slot = user__group_slot(port);
  if (*slot == 0) {
    user__group_new(port, slot);
    return;
  }
  switch (tape_choose(8)) {
    case 7:
      user__group_close(port, slot);
      return;
    case 6:
    case 5:
      user__group_ask(port, *slot);
      return;
    default:
      user__group_join(port, tape_chance(100) ? 0 : *slot);
  }
}
