/* SPDX-License-Identifier: MIT */
/*
 * GET / on connections that are kept, one request at a time on each. Status and
 * body of every answer are checked.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "clock.h"
#include "connection.h"
#include "fail.h"
#include "kinds.h"
#include "options.h"
#include "report.h"

#define BODY "Hello, World!"
#define ANSWER_MAX 4096

static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

struct exchange {
  uint64_t asked_ns;
  size_t length; /* of the answer, so far */
  char answer[ANSWER_MAX + 1];
};

static struct interval interval;
static struct histogram latencies;
static uint64_t answered_total;
static uint64_t open_requests;

static void http__ask(struct connection* connection) {
  struct exchange* exchange = connection->own;
  exchange->length = 0;
  exchange->asked_ns = clock_now_ns();
  size_t length = sizeof request - 1;
  if (send(connection->fd, request, length, MSG_NOSIGNAL) != (ssize_t)length)
    fail("a request was not sent");
}

/* The length of the head, when that has come; what it says is checked. */
static size_t http__head(struct exchange* exchange) {
  exchange->answer[exchange->length] = '\0';
  char* end = strstr(exchange->answer, "\r\n\r\n");
  if (end == NULL) return 0;
  if (strncmp(exchange->answer, "HTTP/1.1 200 ", 13) != 0)
    fail("not a good answer: %s", exchange->answer);
  char* line = exchange->answer;
  while (line < end && strncasecmp(line, "content-length:", 15) != 0)
    line = strstr(line, "\r\n") + 2;
  if (line >= end) fail("an answer without a length: %s", exchange->answer);
  if (strtoul(line + 15, NULL, 10) != strlen(BODY))
    fail("an answer of another length: %s", exchange->answer);
  return (size_t)(end - exchange->answer) + 4;
}

static void http__handle(struct connection* connection, uint32_t events) {
  (void)events;
  struct exchange* exchange = connection->own;
  size_t length = connection_receive(connection);
  if (exchange->length + length > ANSWER_MAX) fail("an answer is too long");
  memcpy(exchange->answer + exchange->length, received_bytes(), length);
  exchange->length += length;
  size_t head = http__head(exchange);
  if (head == 0 || exchange->length < head + strlen(BODY)) return;
  if (strcmp(exchange->answer + head, BODY) != 0)
    fail("not the body that was asked for: %s", exchange->answer);
  if (interval.phase == COUNTED)
    histogram_add(&latencies, clock_now_ns() - exchange->asked_ns);
  answered_total++;
  if (interval.phase == OVER)
    open_requests--;
  else
    http__ask(connection);
}

void load_http(void) {
  struct connection* connections =
      connections_open(options.connections, sizeof(struct exchange));
  interval_begin(&interval);
  for (uint64_t i = 0; i < options.connections; i++) http__ask(&connections[i]);
  do connections_turn(http__handle);
  while (interval_goes_on(&interval, answered_total));
  open_requests = options.connections;
  while (open_requests > 0) connections_turn(http__handle);
  report_begin();
  report_interval(&interval);
  report_latency("latencyUs", &latencies);
  report_end();
}
