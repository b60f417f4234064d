/* SPDX-License-Identifier: MIT */
/*
 * A number of places, each with one connection after the other: connect, have a
 * message echoed, end, wait for the server's end, close. The latency is that of
 * the echo from before the connect.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"
#include "connection.h"
#include "fail.h"
#include "kinds.h"
#include "options.h"
#include "report.h"

struct place {
  uint64_t begun_ns;
  bool is_ending;
};

static struct interval interval;
static struct histogram latencies;
static uint64_t ended_total;
static uint64_t open_places;

/* Within one machine a connect waits for nobody, while the backlog has room:
 * there are fewer places than that. */
static void churn__open(struct connection* connection) {
  struct place* place = connection->own;
  *place = (struct place){.begun_ns = clock_now_ns()};
  connection_open(connection);
  connection->owed = options.bytes;
  connection_send(connection);
}

static void churn__ended(struct connection* connection) {
  uint8_t byte;
  ssize_t length = recv(connection->fd, &byte, 1, 0);
  if (length < 0 && errno == EAGAIN) return;
  if (length < 0) fail("the server has not ended well: %s", strerror(errno));
  if (length > 0) fail("more has come back than was sent");
  connection_close(connection);
  ended_total++;
  if (interval.phase == OVER)
    open_places--;
  else
    churn__open(connection);
}

static void churn__handle(struct connection* connection, uint32_t events) {
  struct place* place = connection->own;
  if (place->is_ending) {
    churn__ended(connection);
    return;
  }
  if ((events & ~(uint32_t)EPOLLOUT) != 0)
    connection_receive_checked(connection, connection->base);
  if (connection->sent < connection->owed) connection_send(connection);
  if (connection->received < options.bytes) return;
  if (interval.phase == COUNTED)
    histogram_add(&latencies, clock_now_ns() - place->begun_ns);
  place->is_ending = true;
  shutdown(connection->fd, SHUT_WR);
}

void load_churn(void) {
  struct connection* connections =
      connections_allocate(options.connections, sizeof(struct place));
  interval_begin(&interval);
  for (uint64_t i = 0; i < options.connections; i++)
    churn__open(&connections[i]);
  do connections_turn(churn__handle);
  while (interval_goes_on(&interval, ended_total));
  open_places = options.connections;
  while (open_places > 0) connections_turn(churn__handle);
  report_begin();
  report_interval(&interval);
  report_latency("latencyUs", &latencies);
  report_end();
}
