/* SPDX-License-Identifier: MIT */
/*
 * Messages at times that are fixed beforehand and equally far apart, on one
 * connection after the other. A server or load that is late does not move them,
 * and a latency counts from the time at which a message is due: a server that
 * pauses pays for every message that was due meanwhile.
 */
#include <sys/prctl.h>

#include "measurement.h"

/* Messages that may be in flight; more are a server that is too slow. */
#define IN_FLIGHT_MAX 1000000
/* To sleep and wake up takes longer than so many nanoseconds. */
#define SPIN_NS 100000

static struct connection* connections;
static uint64_t begun_ns;
static uint64_t sent; /* messages */

static uint64_t rate__due_ns(uint64_t number) {
  return begun_ns + number * NS / options.rate;
}

static void rate__answered(uint64_t due, uint64_t now) {
  measurement.messages++;
  /* Those that were due in the counted interval, also if they are late. */
  if (measurement.phase == WARM_UP || due < measurement.start_ns) return;
  if (measurement.phase == OVER && due >= measurement.end_ns) return;
  samples_add(&measurement.latencies, now - due);
}

static void rate__handle(struct connection* connection) {
  uint64_t first = (uint64_t)(connection - connections);
  uint64_t answered = connection->received / options.bytes;
  connection_echo(connection);
  uint64_t now = clock_now_ns();
  for (; (answered + 1) * options.bytes <= connection->received; answered++)
    rate__answered(rate__due_ns(first + answered * options.connections), now);
}

static void rate__send_due(void) {
  for (; rate__due_ns(sent) <= clock_now_ns(); sent++) {
    if (sent - measurement.messages == IN_FLIGHT_MAX)
      fail("the server cannot keep up with the rate");
    connection_send_message(&connections[sent % options.connections]);
    if (measurement.phase == COUNTED)
      samples_add(&measurement.lateness, clock_now_ns() - rate__due_ns(sent));
  }
}

void load_rate(void) {
  if (options.rate == 0) fail("rate needs --rate");
  prctl(PR_SET_TIMERSLACK, 1000ul);
  connections = connections_open(0);
  measurement_begin();
  begun_ns = clock_now_ns();
  do {
    uint64_t now = clock_now_ns();
    uint64_t due = rate__due_ns(sent);
    uint64_t left = due > now ? due - now : 0;
    connections_turn_for(rate__handle, left > SPIN_NS ? left - SPIN_NS : 0);
    rate__send_due();
  } while (measurement_goes_on());
  while (sent > measurement.messages) connections_turn(rate__handle);
  measurement_report();
}
