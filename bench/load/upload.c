/* SPDX-License-Identifier: MIT */
/*
 * Sends to a server that takes what comes. At the end it must answer on each
 * connection with the number of its bytes, so nothing can have been lost.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "connection.h"
#include "fail.h"
#include "kinds.h"
#include "options.h"
#include "pattern.h"
#include "report.h"

static struct interval interval;
static uint64_t bytes_total;
static uint64_t open_answers;

static void upload__send(struct connection* connection, uint32_t events) {
  if ((events & ~(uint32_t)EPOLLOUT) != 0)
    fail("the server has said something, or ended, before the end");
  uint64_t before = connection->sent;
  connection->owed = before + PATTERN_PIECE;
  connection_send(connection);
  bytes_total += connection->sent - before;
}

static void upload__answer(struct connection* connection, uint32_t events) {
  uint64_t* answer = connection->own;
  size_t before = (size_t)connection->received;
  if ((events & EPOLLIN) == 0) fail("the server has ended without an answer");
  size_t length = connection_receive(connection);
  if (connection->received > sizeof *answer)
    fail("the answer to an upload has more than 8 bytes");
  memcpy((uint8_t*)answer + before, received_bytes(), length);
  if (connection->received < sizeof *answer) return;
  if (*answer != connection->sent)
    fail("the server has got %llu bytes of %llu",
         (unsigned long long)*answer,
         (unsigned long long)connection->sent);
  connection_close(connection);
  open_answers--;
}

void load_upload(void) {
  struct connection* connections =
      connections_open(options.connections, sizeof(uint64_t));
  for (uint64_t i = 0; i < options.connections; i++)
    connection_watch(&connections[i], EPOLLIN | EPOLLOUT);
  interval_begin(&interval);
  do connections_turn(upload__send);
  while (interval_goes_on(&interval, bytes_total / options.bytes));
  for (uint64_t i = 0; i < options.connections; i++) {
    shutdown(connections[i].fd, SHUT_WR);
    connection_watch(&connections[i], EPOLLIN);
  }
  open_answers = options.connections;
  while (open_answers > 0) connections_turn(upload__answer);
  report_begin();
  report_interval(&interval);
  report_end();
}
