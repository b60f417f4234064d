/* SPDX-License-Identifier: MIT */
/*
 * Every connection keeps a number of messages in flight. More is sent when an
 * answer has come, so the latencies are those of a busy server, not those at a
 * given rate; for that see rate.c.
 */
#include <stdlib.h>

#include "clock.h"
#include "connection.h"
#include "fail.h"
#include "kinds.h"
#include "options.h"
#include "report.h"

struct exchange {
  uint64_t answered; /* whole messages */
  uint64_t* sent_at; /* of those in flight, a ring */
};

static struct interval interval;
static struct histogram latencies;
static uint64_t answered_total;
static uint64_t open_messages;

static void echo__answered(struct connection* connection, uint64_t now) {
  struct exchange* exchange = connection->own;
  uint64_t* sent_at =
      &exchange->sent_at[exchange->answered % options.in_flight];
  exchange->answered++;
  answered_total++;
  if (interval.phase == COUNTED) histogram_add(&latencies, now - *sent_at);
  if (interval.phase == OVER) {
    open_messages--;
    return;
  }
  *sent_at = now;
  connection->owed += options.bytes;
}

static void echo__handle(struct connection* connection, uint32_t events) {
  struct exchange* exchange = connection->own;
  if (connection_receive_echo(connection, events)) {
    uint64_t now = clock_now_ns();
    while ((exchange->answered + 1) * options.bytes <= connection->received)
      echo__answered(connection, now);
  }
  if (connection->sent < connection->owed) connection_send(connection);
}

static void echo__begin(struct connection* connection) {
  struct exchange* exchange = connection->own;
  exchange->sent_at = calloc(options.in_flight, sizeof(uint64_t));
  if (exchange->sent_at == NULL) fail("out of memory");
  for (uint64_t i = 0; i < options.in_flight; i++)
    exchange->sent_at[i] = clock_now_ns();
  connection->owed = options.bytes * options.in_flight;
  connection_send(connection);
}

void load_echo(void) {
  struct connection* connections =
      connections_open(options.connections, sizeof(struct exchange));
  interval_begin(&interval);
  for (uint64_t i = 0; i < options.connections; i++)
    echo__begin(&connections[i]);
  do connections_turn(echo__handle);
  while (interval_goes_on(&interval, answered_total));

  /* What is in flight is waited for, so that the server sees plain ends. */
  open_messages = options.connections * options.in_flight;
  while (open_messages > 0) connections_turn(echo__handle);
  report_begin();
  report_interval(&interval);
  report_latency("latencyUs", &latencies);
  report_end();
}
