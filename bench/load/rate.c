/* SPDX-License-Identifier: MIT */
/*
 * Messages at moments that a schedule has fixed, on one connection after the
 * other. Neither a server that is late nor a load that is late moves them, and
 * a latency counts from the moment in the schedule: a server that stands still
 * for a while pays for every message that should have come meanwhile.
 */
#include <stdlib.h>
#include <sys/prctl.h>

#include "clock.h"
#include "connection.h"
#include "fail.h"
#include "kinds.h"
#include "options.h"
#include "report.h"
#include "schedule.h"

/* Messages of a connection that may wait for their answer. */
#define WAITING 16384
/* Sleeping and waking takes longer than so many nanoseconds. */
#define SPIN_NS 100000

struct exchange {
  uint64_t sent;
  uint64_t answered;
  uint64_t due_at[WAITING]; /* a ring */
};

static struct interval interval;
static struct schedule schedule;
static struct histogram latencies;
static struct histogram lateness; /* of the load itself */
static uint64_t answered_total;
static uint64_t waiting_total;
static uint64_t answered_counted;

static void rate__answered(struct exchange* exchange, uint64_t now) {
  uint64_t due = exchange->due_at[exchange->answered % WAITING];
  exchange->answered++;
  answered_total++;
  waiting_total--;
  if (interval.phase == WARM_UP || due < interval.start_ns) return;
  if (interval.phase == OVER && due >= interval.end_ns) return;
  answered_counted++;
  histogram_add(&latencies, now > due ? now - due : 0);
}

static void rate__handle(struct connection* connection, uint32_t events) {
  struct exchange* exchange = connection->own;
  if (connection_receive_echo(connection, events)) {
    uint64_t now = clock_now_ns();
    while ((exchange->answered + 1) * options.bytes <= connection->received)
      rate__answered(exchange, now);
  }
  if (connection->sent < connection->owed) connection_send(connection);
}

/* Sends what is due by now. */
static void rate__send_due(struct connection* connections, uint64_t* next) {
  uint64_t now = clock_now_ns();
  while (schedule.next_ns <= now) {
    struct connection* connection = &connections[*next];
    struct exchange* exchange = connection->own;
    if (exchange->sent - exchange->answered == WAITING)
      fail("the server does not keep up: %d messages wait on a connection",
           WAITING);
    exchange->due_at[exchange->sent % WAITING] = schedule.next_ns;
    exchange->sent++;
    waiting_total++;
    connection->owed += options.bytes;
    connection_send(connection);
    *next = (*next + 1) % options.connections;
    now = clock_now_ns();
    if (interval.phase == COUNTED)
      histogram_add(&lateness, now - schedule.next_ns);
    schedule_step(&schedule);
  }
}

void load_rate(void) {
  if (options.rate == 0 && options.gap_max_us == 0)
    fail("rate needs --rate or --gap-max-us");
  if (options.gap_max_us < options.gap_min_us)
    fail("--gap-max-us must not be below --gap-min-us");
  prctl(PR_SET_TIMERSLACK, 1000ul);
  struct connection* connections =
      connections_open(options.connections, sizeof(struct exchange));
  uint64_t next = 0;
  interval_begin(&interval);
  schedule_begin(&schedule, clock_now_ns());
  do {
    uint64_t now = clock_now_ns();
    uint64_t left = schedule.next_ns > now ? schedule.next_ns - now : 0;
    connections_turn_for(rate__handle, left > SPIN_NS ? left - SPIN_NS : 0);
    rate__send_due(connections, &next);
  } while (interval_goes_on(&interval, answered_total));

  while (waiting_total > 0) connections_turn(rate__handle);
  report_begin();
  report_interval(&interval);
  report_latency("latencyUs", &latencies);
  report_latency("lateUs", &lateness);
  report_end();
}
