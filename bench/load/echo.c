/* SPDX-License-Identifier: MIT */
/*
 * Every connection has one message in flight. The next one is sent when it has
 * come back, so the latencies are those of a busy server, not those at a given
 * rate; for that see rate.c.
 */
#include "measurement.h"

static void echo__begin(struct connection* connection) {
  connection->begun_ns = clock_now_ns();
  connection_send_message(connection);
}

static void echo__handle(struct connection* connection) {
  if (!connection_echo(connection)) return;
  measurement_latency(connection->begun_ns);
  exchange_ended(connection);
}

void load_echo(void) {
  exchanges_run(connections_open(0), echo__begin, echo__handle);
}
