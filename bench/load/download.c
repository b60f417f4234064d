/* SPDX-License-Identifier: MIT */
/* Receives from a server that sends the pattern without an end. */
#include "connection.h"
#include "kinds.h"
#include "options.h"
#include "report.h"

static struct interval interval;
static uint64_t bytes_total;

static void download__handle(struct connection* connection, uint32_t events) {
  (void)events;
  bytes_total += connection_receive_checked(connection, 0);
}

void load_download(void) {
  struct connection* connections = connections_open(options.connections, 0);
  interval_begin(&interval);
  do connections_turn(download__handle);
  while (interval_goes_on(&interval, bytes_total / options.bytes));
  report_begin();
  report_interval(&interval);
  report_end();
  for (uint64_t i = 0; i < options.connections; i++)
    connection_close(&connections[i]);
}
