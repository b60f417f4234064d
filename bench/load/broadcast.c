/* SPDX-License-Identifier: MIT */
/*
 * A connection sends a message, which the server must send to all; when all
 * have it, the next connection sends. A message counts once for each that
 * receives it; the latency is that of the last of them.
 */
#include "measurement.h"

static uint64_t rounds;
static uint64_t missing; /* connections without the last message */

static void broadcast__handle(struct connection* connection) {
  /* All receive the same bytes. */
  if (connection_receive_checked(connection, 0) == 0) return;
  uint64_t wanted = rounds * options.bytes;
  if (connection->received > wanted) fail("a message has come twice");
  if (connection->received < wanted) return;
  missing--;
  measurement.messages++;
}

static void broadcast__round(struct connection* sender) {
  sender->base = rounds * options.bytes - sender->sent;
  missing = options.connections;
  rounds++;
  uint64_t start = clock_now_ns();
  connection_send_message(sender);
  if (sender->sent < sender->owed) fail("the message is too long");
  while (missing > 0) connections_turn(broadcast__handle);
  measurement_latency(start);
}

void load_broadcast(void) {
  struct connection* connections = connections_open(0);
  /* The last one begins: by then the server has accepted all others. */
  uint64_t at = options.connections - 1;
  measurement_begin();
  do {
    broadcast__round(&connections[at]);
    at = (at + 1) % options.connections;
  } while (measurement_goes_on());
  measurement_report();
}
