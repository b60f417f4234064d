/* SPDX-License-Identifier: MIT */
#include "measurement.h"

#include <stdio.h>
#include <unistd.h>

struct measurement measurement;

static uint64_t begun_ns;
static uint64_t messages;   /* in the counted interval */
static uint64_t sent;       /* datagrams in it */
static uint64_t server_ns;  /* of CPU time in it */
static uint64_t load_ns;    /* of CPU time in it */
static uint64_t unfinished; /* connections with an exchange in flight */
static connection_handler* begin_exchange;

void measurement_begin(void) { begun_ns = clock_now_ns(); }

static bool measurement__is_warm(uint64_t ns) {
  if (measurement.messages < options.warm_up_messages) ns /= 10;
  return ns >= options.warm_up_ms * MS;
}

bool measurement_goes_on(void) {
  uint64_t now = clock_now_ns();
  if (measurement.phase == OVER) return false;
  if (measurement.phase == WARM_UP) {
    if (!measurement__is_warm(now - begun_ns)) return true;
    measurement.phase = COUNTED;
    messages = measurement.messages;
    sent = measurement.sent;
    load_ns = clock_cpu_ns(getpid());
    server_ns = clock_cpu_ns((pid_t)options.pid);
    measurement.start_ns = clock_now_ns();
    return true;
  }
  /* At least one message, however busy the machine is. */
  if (now - measurement.start_ns < options.ms * MS ||
      measurement.messages == messages)
    return true;
  measurement.phase = OVER;
  measurement.end_ns = now;
  server_ns = clock_cpu_ns((pid_t)options.pid) - server_ns;
  load_ns = clock_cpu_ns(getpid()) - load_ns;
  messages = measurement.messages - messages;
  sent = measurement.sent - sent;
  return false;
}

void measurement_latency(uint64_t begun) {
  if (measurement.phase == COUNTED)
    samples_add(&measurement.latencies, clock_now_ns() - begun);
}

void measurement_report(void) {
  struct samples* latencies = &measurement.latencies;
  double seconds = (double)(measurement.end_ns - measurement.start_ns) / NS;
  printf("{\"messages\":%llu,\"sent\":%llu,\"seconds\":%.9f,",
         (unsigned long long)messages,
         (unsigned long long)sent,
         seconds);
  printf("\"serverCpuSeconds\":%.9f,\"loadCpuSeconds\":%.9f,",
         (double)server_ns / NS,
         (double)load_ns / NS);
  printf("\"p50Us\":%.1f,\"p99Us\":%.1f,\"lateP99Us\":%.1f}\n",
         samples_quantile_us(latencies, 0.5),
         samples_quantile_us(latencies, 0.99),
         samples_quantile_us(&measurement.lateness, 0.99));
}

void exchanges_run(struct connection* connections,
                   connection_handler* begin,
                   connection_handler* handle) {
  begin_exchange = begin;
  unfinished = options.connections;
  measurement_begin();
  for (uint64_t i = 0; i < options.connections; i++) begin(&connections[i]);
  while (unfinished > 0) {
    connections_turn(handle);
    measurement_goes_on();
  }
  measurement_report();
}

void exchange_ended(struct connection* connection) {
  measurement.messages++;
  if (measurement.phase == OVER)
    unfinished--;
  else
    begin_exchange(connection);
}
