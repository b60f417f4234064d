/* SPDX-License-Identifier: MIT */
/*
 * Messages at times that a schedule has fixed, on one connection after the
 * other. A server or load that is late does not move them, and a latency counts
 * from the time in the schedule: a server that pauses pays for every message
 * that was due meanwhile.
 */
#include <sys/prctl.h>

#include "clock.h"
#include "connection.h"
#include "fail.h"
#include "measurement.h"
#include "options.h"
#include "schedule.h"

/* Messages of a connection that may be in flight. */
#define IN_FLIGHT_MAX 16384
/* To sleep and wake up takes longer than so many nanoseconds. */
#define SPIN_NS 100000

struct messages {
  uint64_t sent;
  uint64_t answered;
  uint64_t due_ns[IN_FLIGHT_MAX]; /* a ring */
};

static struct schedule schedule;
static uint64_t in_flight;

static void rate__answered(struct messages* messages, uint64_t now) {
  uint64_t due = messages->due_ns[messages->answered++ % IN_FLIGHT_MAX];
  measurement.messages++;
  in_flight--;
  /* Those that were due in the counted interval, also if they are late. */
  if (measurement.phase == WARM_UP || due < measurement.start_ns) return;
  if (measurement.phase == OVER && due >= measurement.end_ns) return;
  samples_add(&measurement.latencies, now > due ? now - due : 0);
}

static void rate__handle(struct connection* connection) {
  struct messages* messages = connection->own;
  connection_echo(connection);
  uint64_t now = clock_now_ns();
  while ((messages->answered + 1) * options.bytes <= connection->received)
    rate__answered(messages, now);
}

static void rate__send_due(struct connection* connections) {
  static uint64_t next;
  uint64_t now = clock_now_ns();
  while (schedule.next_ns <= now) {
    struct connection* connection = &connections[next++ % options.connections];
    struct messages* messages = connection->own;
    if (messages->sent - messages->answered == IN_FLIGHT_MAX)
      fail("the server cannot keep up with the rate");
    messages->due_ns[messages->sent++ % IN_FLIGHT_MAX] = schedule.next_ns;
    in_flight++;
    connection_send_message(connection);
    now = clock_now_ns();
    if (measurement.phase == COUNTED)
      samples_add(&measurement.lateness, now - schedule.next_ns);
    schedule_step(&schedule);
  }
}

void load_rate(void) {
  if (options.rate == 0) fail("rate needs --rate");
  prctl(PR_SET_TIMERSLACK, 1000ul);
  struct connection* connections = connections_open(sizeof(struct messages));
  measurement_begin();
  schedule_begin(&schedule, clock_now_ns());
  do {
    uint64_t now = clock_now_ns();
    uint64_t left = schedule.next_ns > now ? schedule.next_ns - now : 0;
    connections_turn_for(rate__handle, left > SPIN_NS ? left - SPIN_NS : 0);
    rate__send_due(connections);
  } while (measurement_goes_on());
  while (in_flight > 0) connections_turn(rate__handle);
  measurement_report();
}
