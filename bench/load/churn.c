/* SPDX-License-Identifier: MIT */
/*
 * One connection after the other, several at a time: connect, have a message
 * echoed, send an end, wait for the server's end, close. The latency is that of
 * the echo, from before the connect.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measurement.h"

/* On one machine a connect does not wait, while the backlog has room. */
static void churn__begin(struct connection* connection) {
  connection->begun_ns = clock_now_ns();
  connection_open(connection);
  connection_send_message(connection);
}

static void churn__end(struct connection* connection) {
  uint8_t byte;
  ssize_t length = recv(connection->fd, &byte, 1, 0);
  if (length < 0 && errno == EAGAIN) return;
  if (length < 0) fail("the server has reset: %s", strerror(errno));
  if (length > 0) fail("more has come back than was sent");
  close(connection->fd);
  exchange_ended(connection);
}

static void churn__handle(struct connection* connection) {
  if (connection->is_ending) {
    churn__end(connection);
    return;
  }
  if (!connection_echo(connection)) return;
  measurement_latency(connection->begun_ns);
  connection->is_ending = true;
  shutdown(connection->fd, SHUT_WR);
}

void load_churn(void) {
  exchanges_run(connections_allocate(0), churn__begin, churn__handle);
}
