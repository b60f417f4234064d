/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <stddef.h>

#include "crowd.h"
#include "ledger.h"
#include "report.h"
#include "user.h"
#include "world.h"

/* Longer than any pause before a retry. */
#define PROGRESS__IDLE_MS 1500
#define PROGRESS__IDLE_REAL_MS 20
/* Rounds without a record while no time passes. */
#define PROGRESS__VAIN 500
/* What a port may cost meanwhile. */
#define PROGRESS__ROUNDS 70
/* Rounds until the last deadline is over. */
#define PROGRESS__LAST 20
#define PROGRESS__CALLS 50
#define PROGRESS__ROUND_CALLS 6

static uint64_t progress__at_ms;
static uint32_t progress__vain;

void progress_began(void) {
  progress__at_ms = world_now_ms();
  progress__vain = 0;
}

void progress_check(void) {
  if (world_now_ms() != progress__at_ms) progress_began();
  RULE("a port that asks for a poll has something to report, or time passes",
       ++progress__vain <= PROGRESS__VAIN);
}

bool progress_is_due(uint32_t index) {
  const struct ledger_port* port = &ledger.ports[index];
  if (port->is_watched && crowd_wait_ended(index)) return true;
  if (port->is_told || port->is_called) return true;
  return port->timeout_ms >= 0 &&
         world_now_ms() >= port->polled_ms + (uint64_t)port->timeout_ms;
}

void progress_called(void) {
  for (uint32_t i = 0; i < ledger.port_count; i++)
    ledger.ports[i].is_called = true;
}

/* Each accept of a listener that defers is asked about in each round, also
 * those that serve as its backlog. */
static uint32_t progress__asked(uint32_t port) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->port == port && !entry->is_closed &&
        (entry->has_deferred || entry->had_first_byte_ms))
      count += IOCP_ACCEPT_MAX;
  }
  return count;
}

/* For a while; returns how many rounds there were, at most `most`. */
static uint32_t progress__rounds(uint32_t port, uint32_t most) {
  uint64_t until_ms =
      world_now_ms() +
      (world_is_exact() ? PROGRESS__IDLE_MS : PROGRESS__IDLE_REAL_MS);
  uint64_t now_ms;
  uint32_t rounds = 0;
  while ((now_ms = world_now_ms()) < until_ms) {
    uint64_t left_ms = until_ms - now_ms;
    user_poll(port);
    int32_t timeout_ms = ledger.ports[port].timeout_ms;
    if (timeout_ms < 0 || (uint64_t)timeout_ms > left_ms)
      timeout_ms = (int32_t)left_ms;
    user_wait(port, timeout_ms);
    RULE("the user of a port that has nothing to do can sleep",
         ++rounds <= most);
  }
  return rounds;
}

void progress_idle(uint32_t port) {
  if (ledger.ports[port].is_watched) return;
  /* What has failed before is repeated meanwhile. A listener that does so may
   * accept its backlog one by one, and hand each connection to a part. */
  progress__rounds(port, PROGRESS__ROUNDS + 2 * ledger.guest_count);
  uint64_t calls = world_calls();
  uint32_t rounds = progress__rounds(port, PROGRESS__ROUNDS);
  calls = world_calls() - calls;
  TRACE("idle: %u rounds, %llu calls", rounds, (unsigned long long)calls);
  RULE("a port that has nothing to do makes few system calls",
       calls <= PROGRESS__CALLS +
                    rounds * (PROGRESS__ROUND_CALLS + progress__asked(port)));
}

/* ---- deadlines */

/* None of its sockets waits for a time to pass, or for another attempt. */
static bool progress__is_timeless(uint32_t port) {
  struct iocp_stats stats;
  double sockets = 0;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->port != port || entry->is_closed) continue;
    bool is_stream = entry->kind == ENTRY_STREAM && !entry->may_expire;
    if ((!is_stream && entry->kind != ENTRY_DATAGRAM) || entry->is_closing ||
        entry->send_count != 0)
      return false;
    sockets++;
  }
  /* The others are of a group that was closed, or were not reported. */
  return iocp_stats(ledger.ports[port].id, &stats) == 0 &&
         stats.sockets == sockets;
}

void progress_check_deadline(uint32_t port) {
  for (uint32_t i = 0; i < PROGRESS__LAST; i++) {
    user_poll(port);
    int32_t timeout_ms = ledger.ports[port].timeout_ms;
    if (timeout_ms < 0 || !progress__is_timeless(port)) return;
    user_wait(port, timeout_ms);
  }
  report_violation("a port without timers has no deadline", "port %u", port);
}
