/* SPDX-License-Identifier: MIT */
#include "gauges.h"

#include <stddef.h>

#include "datagrams.h"
#include "report.h"
#include "user.h"

/* ---- operations */

static void gauges__operations(const struct entry* entry,
                               const struct iocp_socket_stats* stats) {
  double parts = stats->receives_posted + stats->accepts_posted;
  double connects = entry->kind == ENTRY_CONNECTING ? 1 : 0;
  RULE("what is in flight are receives, accepts, sends or a connect",
       stats->operations >= parts &&
           stats->operations <= parts + stats->sends + connects);
  RULE("bytes are posted by receives",
       stats->receives_posted != 0 || stats->bytes_posted == 0);
}

/* What the user has not asked for stays in the kernel, so that a slow consumer
 * slows the sender down (iocp_receive()). A receive of a pipe stays posted if
 * another process has taken its bytes. */
static void gauges__receives(const struct entry* entry,
                             const struct iocp_socket_stats* stats) {
  if (entry->is_ended || entry->has_error || entry->local == IOCP_PIPE) return;
  RULE("no more bytes are posted than may be received",
       stats->bytes_posted <= entry->credit);
}

/* One that has come and was not delivered takes the place of a posted one, so
 * a slow consumer stops accepting. A pipe begins with one instance or two, by
 * which it is found. */
static void gauges__accepts(const struct entry* entry,
                            const struct iocp_socket_stats* stats) {
  uint32_t most = entry->target_max;
  if (entry->has_deferred || entry->has_larger_backlog || entry->share != NULL)
    return;
  if (entry->local == IOCP_PIPE && most < 2) most = 2;
  RULE("no more accepts are posted, or wait, than were asked for",
       stats->accepts_posted + stats->accepts_ready <= most);
}

static void gauges__in_flight(const struct entry* entry,
                              const struct iocp_socket_stats* stats) {
  if (!world_posts_operations()) {
    RULE("an engine that posts no operations has none in flight",
         stats->operations == 0 && stats->receives_posted == 0 &&
             stats->bytes_posted == 0);
    RULE(
        "only what is handed out is accepted before it is asked for",
        stats->accepts_ready == 0 || (entry->share != NULL && !entry->is_part));
    return;
  }
  gauges__operations(entry, stats);
  if (entry->kind == ENTRY_STREAM) gauges__receives(entry, stats);
  if (entry->kind == ENTRY_LISTENER) gauges__accepts(entry, stats);
}

/* ---- a socket */

void gauges_check(const struct entry* entry,
                  const struct iocp_socket_stats* stats) {
  const double* numbers = (const double*)stats;
  for (size_t i = 0; i < sizeof *stats / sizeof *numbers; i++)
    RULE("a counter of a socket is not negative", numbers[i] >= 0);
  RULE("the counter of pending sends is right",
       stats->sends == entry->send_count);
  if (entry->kind == ENTRY_LISTENER && !world_posts_operations())
    RULE("as many accepts are wanted as were requested",
         stats->accepts_posted == entry->target);
  if (entry->send_count == 0)
    RULE("no send copies are held when no send is pending",
         stats->bytes_unsent == 0);
  if (entry->end != NULL)
    RULE("a socket has received no more than was reported",
         stats->bytes_received <= (double)entry->end->received &&
             stats->bytes_sent <= (double)entry->end->sent);
  if (entry->kind == ENTRY_DATAGRAM)
    RULE("as many datagrams are counted as were received",
         stats->datagrams_received == entry->endpoint->received);
  gauges__in_flight(entry, stats);
}

/* ---- a port */

/* Its sockets have no operations but their own, if each of them can be asked:
 * one that is closing or deferred cannot. */
void gauges_check_port(uint32_t index, const struct iocp_stats* stats) {
  double operations = 0;
  double sockets = 0;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    struct iocp_socket_stats its;
    if (entry->port != index || entry->is_closed) continue;
    if (iocp_socket_stats(ledger.ports[index].id, entry->id, &its) != 0) return;
    operations += its.operations;
    sockets++;
  }
  RULE("the operations of a port are those of its sockets",
       sockets != stats->sockets || operations == stats->operations);
}

/* ---- accepts that have failed */

/* What is handed out is not reported, and neither is what is deferred. */
static bool gauges__reports_failures(const struct entry* entry) {
  return entry->has_failed || entry->has_deferred || user_hands_out(entry);
}

static bool gauges__has_failed(uint32_t port) {
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->port == port && entry->kind == ENTRY_LISTENER &&
        gauges__reports_failures(entry))
      return true;
  }
  return false;
}

/* A failure is reported, unless one was since the last success (iocp_accept()):
 * from then on it is only counted. */
void gauges_check_failures(uint32_t index) {
  struct ledger_port* port = &ledger.ports[index];
  struct iocp_stats stats;
  if ((port->flags & IOCP_MORE) != 0 || iocp_stats(port->id, &stats) < 0)
    return;
  bool has_failed = gauges__has_failed(index);
  RULE("a failure of accepting that is counted was reported",
       stats.accept_failures == port->failures || has_failed ||
           port->has_failures);
  port->failures = stats.accept_failures;
  port->has_failures = has_failed;
}

void gauges_lose_failures(const struct entry* listener) {
  ledger.ports[listener->port].has_failures = true;
}
