/* SPDX-License-Identifier: MIT */
/*
 * GET / on connections that are kept alive, one request at a time on each. The
 * status and the body of every response are checked.
 */
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "measurement.h"

#define BODY "Hello, World!"
#define RESPONSE_MAX 4096

static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

struct response {
  size_t length; /* so far */
  char text[RESPONSE_MAX];
};

static void http__begin(struct connection* connection) {
  ((struct response*)connection->own)->length = 0;
  connection->begun_ns = clock_now_ns();
  size_t length = sizeof request - 1;
  if (send(connection->fd, request, length, MSG_NOSIGNAL) != (ssize_t)length)
    fail("a request was not sent");
}

/* The length of the head once it is there; status and length are checked. */
static size_t http__head(const char* text) {
  const char* end = strstr(text, "\r\n\r\n");
  if (end == NULL) return 0;
  if (strncmp(text, "HTTP/1.1 200 ", 13) != 0) fail("not a 200: %s", text);
  const char* line = text;
  while (line < end && strncasecmp(line, "content-length:", 15) != 0)
    line = strstr(line, "\r\n") + 2;
  if (line >= end || strtoul(line + 15, NULL, 10) != strlen(BODY))
    fail("not the expected length: %s", text);
  return (size_t)(end - text) + 4;
}

static void http__handle(struct connection* connection) {
  struct response* response = connection->own;
  size_t length = connection_receive(connection);
  if (response->length + length >= RESPONSE_MAX) fail("a response is too long");
  memcpy(response->text + response->length, received_bytes(), length);
  response->length += length;
  response->text[response->length] = '\0';
  size_t head = http__head(response->text);
  if (head == 0 || response->length < head + strlen(BODY)) return;
  if (strcmp(response->text + head, BODY) != 0)
    fail("not the expected body: %s", response->text);
  measurement_latency(connection->begun_ns);
  exchange_ended(connection);
}

void load_http(void) {
  struct connection* connections = connections_open(sizeof(struct response));
  exchanges_run(connections, http__begin, http__handle);
}
