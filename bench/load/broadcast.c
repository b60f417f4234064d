/* SPDX-License-Identifier: MIT */
/*
 * One connection after the other sends a message, which all must get; when all
 * have got it, the next one sends. A message counts once for each that gets it;
 * the latency is that of the last one.
 */
#include "clock.h"
#include "connection.h"
#include "fail.h"
#include "kinds.h"
#include "options.h"
#include "report.h"

static struct interval interval;
static struct histogram latencies;
static uint64_t sent_total; /* messages */
static uint64_t delivered_total;
static uint64_t missing; /* connections that have not got all of the last one */

static void broadcast__handle(struct connection* connection, uint32_t events) {
  (void)events;
  /* They all get the same stream. */
  if (connection_receive_checked(connection, 0) == 0) return;
  uint64_t wanted = sent_total * options.bytes;
  if (connection->received > wanted) fail("a message has come twice");
  if (connection->received < wanted) return;
  missing--;
  delivered_total++;
}

static void broadcast__round(struct connection* connections) {
  /* The last one begins: the server must have taken all of the others in. */
  uint64_t at = (sent_total + options.connections - 1) % options.connections;
  struct connection* sender = &connections[at];
  uint64_t before = sender->sent;
  sender->base = sent_total * options.bytes - before;
  sender->owed = before + options.bytes;
  missing = options.connections;
  sent_total++;
  uint64_t start = clock_now_ns();
  connection_send(sender);
  if (sender->sent < sender->owed) fail("the message is too long");
  while (missing > 0) connections_turn(broadcast__handle);
  if (interval.phase == COUNTED)
    histogram_add(&latencies, clock_now_ns() - start);
}

void load_broadcast(void) {
  struct connection* connections = connections_open(options.connections, 0);
  interval_begin(&interval);
  do broadcast__round(connections);
  while (interval_goes_on(&interval, delivered_total));
  report_begin();
  report_interval(&interval);
  report_latency("latencyUs", &latencies);
  report_end();
}
