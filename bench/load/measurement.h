/* SPDX-License-Identifier: MIT */
/*
 * A warm-up, and then the interval that is counted. The CPU clocks of the
 * server and of the load are read at both ends of just that interval.
 */
#ifndef MEASUREMENT_H
#define MEASUREMENT_H

#include <stdbool.h>
#include <stdint.h>

/* What every kind of load uses. */
#include "clock.h"
#include "connection.h"
#include "options.h"
#include "samples.h"

struct measurement {
  enum { WARM_UP, COUNTED, OVER } phase;
  uint64_t messages; /* since the beginning of the warm-up */
  uint64_t sent;     /* the same, of datagrams */
  uint64_t start_ns; /* of the counted interval */
  uint64_t end_ns;
  struct samples latencies;
  struct samples lateness; /* of the load itself */
};

extern struct measurement measurement;

void measurement_begin(void);

/* To be called after every turn; false when the counted interval is over. */
bool measurement_goes_on(void);

/* Adds a latency if the counted interval is on. */
void measurement_latency(uint64_t begun_ns);

/* Prints the result as one JSON object. */
void measurement_report(void);

/* Has one exchange after the other on each connection, which `begin` begins,
 * for a whole measurement. */
void exchanges_run(struct connection* connections,
                   connection_handler* begin,
                   connection_handler* handle);

/* Counts an exchange, and begins the next one on the connection. */
void exchange_ended(struct connection* connection);

#endif /* MEASUREMENT_H */
