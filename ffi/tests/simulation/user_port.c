/* SPDX-License-Identifier: MIT */
/* Ports, and their records. */
#include <string.h>

#include "datagrams.h"
#include "gauges.h"
#include "report.h"
#include "schedule.h"
#include "tape.h"
#include "user.h"

#define USER__RECORDS 4096
#define USER__SLAB (512 * 1024)
#define USER__GUARD 16
/* For each of the ports. */
#define USER__EXIT_MS 500

static struct {
  struct iocp_header header;
  struct iocp_record records[USER__RECORDS];
} user__events;
static uint8_t user__slab[USER__SLAB + USER__GUARD] __attribute__((aligned(8)));

uint32_t user_choose_port(void) {
  if (ledger.port_count == 0) return LEDGER_PORTS;
  uint32_t first = tape_choose(ledger.port_count);
  for (uint32_t i = 0; i < ledger.port_count; i++) {
    uint32_t port = (first + i) % ledger.port_count;
    if (ledger.ports[port].is_open) return port;
  }
  return LEDGER_PORTS;
}

/* What happens to a stream whose port is deleted. */
static void user__abandoned(const struct entry* entry) {
  struct end* end = entry->end;
  end->is_over = true;
  /* The user has shut it down, and knew how much was accepted. */
  bool was_ended =
      entry->is_shut || (entry->is_closing && !entry->is_detaching);
  end->has_fin = true;
  end->resets_from_ms = 0;
  if (end->has_short && !was_ended) end->is_cut = true;
}

void user_abandon(struct entry* entry) {
  user_share_ask(entry);
  if (entry->kind == ENTRY_LISTENER) {
    user_lose_listener(entry);
    gauges_lose_failures(entry);
  }
  entry->is_closed = true;
  if (entry->endpoint != NULL) entry->endpoint->is_open = false;
  /* A detach that has not completed is a close like any other then. */
  if (entry->end != NULL) user__abandoned(entry);
}

static void user__abandon_port(uint32_t index) {
  ledger.ports[index].is_open = false;
  user_lose_inbox(index);
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct entry* entry = &ledger.entries[i];
    if (entry->port == index && !entry->is_closed) user_abandon(entry);
  }
}

static void user__check_void(int32_t id) {
  RULE("the id of a port is invalid once it is deleted",
       iocp_poll(id, &user__events, 1, NULL, 0, 0) == -IOCP_EBADF &&
           iocp_wait(id, 0) == -IOCP_EBADF && iocp_wake(id) == -IOCP_EBADF &&
           iocp_delete(id) == -IOCP_EBADF);
}

/* A process ends when its last port is deleted. */
static void user__end_process(uint32_t process) {
  for (uint32_t i = 0; i < ledger.port_count; i++)
    if (ledger.ports[i].is_open && ledger.ports[i].process == process) return;
  world_process_ended(process);
}

/* A port of an earlier realm is deleted when a port of this one is made. */
static bool user__is_stale(const struct ledger_port* port, uint32_t realm) {
  return realm != 0 && port->realm != 0 && port->realm != realm;
}

void user_new(void) {
  if (ledger.port_count == LEDGER_PORTS) return;
  /* The first port is of the first realm. */
  uint32_t realm = 1;
  if (ledger.port_count != 0) realm = tape_chance(300) ? 1 + tape_choose(2) : 0;
  for (uint32_t i = 0; i < ledger.port_count; i++)
    if (ledger.ports[i].is_open && user__is_stale(&ledger.ports[i], realm))
      user__abandon_port(i);
  uint64_t since_ms = world_now_ms();
  uint32_t process = ledger.port_count;
  bool is_of_first = process != 0 && ledger.ports[0].is_open;
  if (is_of_first && (ledger.is_one_process || tape_choose(4) == 0))
    process = ledger.ports[0].process;
  world_process(process);
  int32_t result = iocp_new(realm);
  TRACE("iocp_new(%u): %d", realm, result);
  RULE("a delete does not take long", world_now_ms() - since_ms < 3000);
  for (uint32_t i = 0; i < ledger.port_count; i++)
    if (user__is_stale(&ledger.ports[i], realm)) {
      user__check_void(ledger.ports[i].id);
      user__end_process(ledger.ports[i].process);
    }
  if (result < 0) {
    RULE("a port is made", ERROR_IS(result, IOCP_ENETDOWN));
    return;
  }
  uint32_t index = ledger.port_count++;
  memset(&ledger.ports[index], 0, sizeof ledger.ports[index]);
  ledger.ports[index].id = result;
  ledger.ports[index].is_open = true;
  ledger.ports[index].realm = realm;
  ledger.ports[index].process = process;
}

/* ---- polling */

static void user__trace_poll(uint32_t index,
                             uint32_t capacity,
                             uint32_t offset,
                             uint32_t length,
                             int32_t count) {
  int32_t flags = user__events.header.flags;
  /* Polls that find nothing while the schedule waits would fill pages. */
  if (ledger.is_settling && count == 0 && flags == 0) return;
  TRACE("iocp_poll(%u, %u records, slab %u..%u): %d%s%s, %d ms",
        index,
        capacity,
        offset,
        length,
        count,
        (flags & IOCP_MORE) != 0 ? ", more" : "",
        (flags & IOCP_SLAB_FULL) != 0 ? ", full" : "",
        user__events.header.timeout_ms);
}

static int32_t user__poll(uint32_t index,
                          uint32_t capacity,
                          uint32_t offset,
                          uint32_t length) {
  struct iocp_record* guard = &user__events.records[capacity - 1];
  bool has_slab = length != 0;
  memset(guard, 0xa5, sizeof *guard);
  if (offset >= USER__GUARD)
    memset(user__slab + offset - USER__GUARD, 0xa5, USER__GUARD);
  memset(user__slab + length, 0xa5, USER__GUARD);
  int32_t count = iocp_poll(ledger.ports[index].id,
                            &user__events,
                            capacity,
                            has_slab ? user__slab : NULL,
                            offset,
                            length);
  user__trace_poll(index, capacity, offset, length, count);
  RULE("a poll of an open port succeeds", count >= 0);
  ledger.ports[index].is_told = false;
  RULE("a poll writes no more records than there is room for",
       (uint32_t)count <= capacity);
  if ((uint32_t)count < capacity)
    RULE("a poll writes no more records than it returns",
         guard->kind == (int32_t)0xa5a5a5a5);
  for (uint32_t i = 0; i < USER__GUARD; i++) {
    RULE("a poll writes nothing behind the slab",
         user__slab[length + i] == 0xa5);
    if (offset >= USER__GUARD)
      RULE("a poll writes nothing before its part of the slab",
           user__slab[offset - 1 - i] == 0xa5);
  }
  records_check(index,
                &user__events.header,
                user__events.records,
                count,
                user__slab,
                offset,
                length);
  /* What had no room is still there. */
  if ((user__events.header.flags & IOCP_SLAB_FULL) != 0)
    RULE("a port that has more is to be polled",
         iocp_wait_here(ledger.ports[index].id, 0) == 1);
  return count;
}

void user_poll(uint32_t port) {
  int rounds = 0;
  do {
    user__poll(port, USER__RECORDS, 0, USER__SLAB);
    RULE("a port has more records for a limited time", ++rounds < 100000);
  } while ((ledger.ports[port].flags & IOCP_MORE) != 0);
}

/* At the last offset that there can be. */
static void user__poll_far(uint32_t index) {
  int32_t count = iocp_poll(ledger.ports[index].id,
                            &user__events,
                            USER__RECORDS,
                            user__slab,
                            INT32_MAX,
                            INT32_MAX);
  user__trace_poll(index, USER__RECORDS, INT32_MAX, INT32_MAX, count);
  RULE("a poll of an open port succeeds", count >= 0);
  ledger.ports[index].is_told = false;
  records_check(index,
                &user__events.header,
                user__events.records,
                count,
                user__slab,
                INT32_MAX,
                INT32_MAX);
}

void user_poll_somehow(uint32_t port) {
  static const uint32_t lengths[] = {USER__SLAB,
                                     IOCP_SLAB_MIN,
                                     0,
                                     IOCP_SLAB_MIN - 1,
                                     2 * IOCP_SLAB_MIN + 100,
                                     IOCP_RECEIVE_MAX + 1};
  static const uint32_t capacities[] = {64, 1, 2, 3, 8, USER__RECORDS};
  if (tape_chance(20)) {
    user__poll_far(port);
    return;
  }
  uint32_t length = lengths[tape_choose(6)];
  uint32_t capacity = capacities[tape_choose(6)];
  uint32_t offset = 0;
  if (length != 0 && tape_chance(300)) offset = tape_choose(length + 1);
  user__poll(port, capacity, offset, length);
}

void user_wait_here(uint32_t port) {
  int32_t result = iocp_wait_here(ledger.ports[port].id, 20);
  TRACE("iocp_wait_here(%u): %d", port, result);
  RULE("a short wait returns 0 or 1", result == 0 || result == 1);
  if (result == 1) ledger.ports[port].is_told = true;
}

int32_t user_wait(uint32_t port, int32_t timeout_ms) {
  uint64_t since_ms = world_now_ms();
  int32_t result = iocp_wait(ledger.ports[port].id, timeout_ms);
  uint64_t took_ms = world_now_ms() - since_ms;
  if (!ledger.is_settling || result != 0)
    TRACE("iocp_wait(%u, %d): %d after %llu ms",
          port,
          timeout_ms,
          result,
          (unsigned long long)took_ms);
  schedule_checks++;
  if (result < 0) ledger.ports[port].is_called = true;
  if (error_is_fault(result)) return result;
  RULE("a wait for an open port returns 0 or 1", result == 0 || result == 1);
  if (result == 1) ledger.ports[port].is_told = true;
  if (world_is_exact()) {
    RULE("a wait is no longer than its timeout",
         timeout_ms < 0 || took_ms <= (uint64_t)timeout_ms + 20);
    RULE("a wait that times out lasts for its timeout",
         result == 1 || took_ms + 32 >= (uint64_t)timeout_ms);
  }
  return result;
}

/* ---- counters */

static bool user__has_deferred(uint32_t port) {
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    if (ledger.entries[i].port == port && ledger.entries[i].has_deferred)
      return true;
  return false;
}

static bool user__has_failed(uint32_t port) {
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->port == port &&
        (entry->end != NULL || entry->kind == ENTRY_DATAGRAM) &&
        (entry->has_error || entry->is_closing || entry->may_expire ||
         entry->send_count != 0))
      return true;
  }
  return false;
}

static void user__check_stats(uint32_t index, const struct iocp_stats* stats) {
  const struct ledger_port* port = &ledger.ports[index];
  uint32_t live = ledger_live(index);
  bool may_defer = user__has_deferred(index);
  RULE("the counter of sockets is right",
       stats->sockets == live || (may_defer && stats->sockets > live));
  RULE("the counter of polls is right", stats->polls == (double)port->polls);
  RULE("the counter of records is right",
       stats->records == (double)port->records);
  RULE("the counter of connections is right",
       stats->accepted == (double)(port->accepted + user_handed_out(index)));
  RULE("the counter of received bytes is right",
       stats->bytes_received == (double)port->bytes_received);
  RULE("the counter of sent bytes is no more than was accepted",
       stats->bytes_sent <= (double)port->bytes_sent);
  if (!user__has_failed(index))
    RULE("the counter of sent bytes is right once nothing is pending",
         stats->bytes_sent == (double)port->bytes_sent &&
             stats->bytes_unsent == 0);
  RULE("gauges are not negative",
       stats->operations >= 0 && stats->bytes_unsent >= 0 &&
           stats->bytes_posted >= 0);
  if (stats->sockets == 0)
    RULE("without sockets there is nothing in flight or held",
         stats->operations == 0 && stats->bytes_unsent == 0 &&
             stats->bytes_posted == 0);
  if (!world_posts_operations())
    RULE("an engine that posts no operations has none in flight",
         stats->operations == 0 && stats->bytes_posted == 0);
}

void user_ask_port(uint32_t port) {
  struct iocp_stats stats;
  int32_t id = ledger.ports[port].id;
  int32_t result = iocp_stats(id, &stats);
  TRACE("iocp_stats(%u): %d", port, result);
  schedule_checks++;
  RULE("counters can be read", result == 0);
  user__check_stats(port, &stats);
  if (world_posts_operations()) gauges_check_port(port, &stats);
  user_ask_groups(port);
  iocp_native_error(id);
  RULE("the library has the version of its header", iocp_abi() == IOCP_ABI);
}

/* ---- deleting */

void user_delete(uint32_t index) {
  struct ledger_port* port = &ledger.ports[index];
  user_ask_port(index);
  user__abandon_port(index);
  uint64_t since_ms = world_now_ms();
  int32_t result = iocp_delete(port->id);
  TRACE("iocp_delete(%u): %d after %llu ms",
        index,
        result,
        (unsigned long long)(world_now_ms() - since_ms));
  RULE("a port can be deleted", result == 0);
  RULE("a delete does not take long", world_now_ms() - since_ms < 1500);
  user__check_void(port->id);
  user__end_process(port->process);
}

void user_exit(void) {
  uint64_t since_ms = world_now_ms();
  for (uint32_t i = 0; i < ledger.port_count; i++)
    if (ledger.ports[i].is_open) user__abandon_port(i);
  world_exit();
  RULE("the end of the process does not take long",
       world_now_ms() - since_ms < USER__EXIT_MS);
  for (uint32_t i = 0; i < ledger.port_count; i++)
    world_process_ended(ledger.ports[i].process);
}
