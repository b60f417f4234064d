/* SPDX-License-Identifier: MIT */
/*
 * The callbacks of one socket come in order and never two at a time, whatever
 * the number of completion threads and whatever they do.
 *
 * It is hard because several threads serve the sockets at once, callbacks block
 * in send(), and sockets are added meanwhile.
 */
#include <stdlib.h>

#include "shared/calls.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define THREADS 4
#define CONNECTIONS 64
#define WINDOW 20000
#define TOTAL (WINDOW * 10)

/* Sends the bytes back, and waits for room. */
static void echo(struct calls* calls,
                 int event_type,
                 const void* bytes,
                 uint32_t byte_count) {
  if (event_type == IOCP_CALLBACK_READ)
    calls_send(calls->socket, bytes, byte_count);
  else
    raw_close(calls->socket);
}

/* Sends as much of the pattern as was sent back, up to the total. */
static void send_on(struct calls* calls,
                    int event_type,
                    const void* bytes,
                    uint32_t byte_count) {
  uint8_t* copy;
  (void)bytes;
  if (event_type != IOCP_CALLBACK_READ) {
    raw_close(calls->socket);
    return;
  }
  uint64_t sent = calls->position - byte_count + WINDOW;
  if (sent < TOTAL) {
    if (byte_count > TOTAL - sent) byte_count = (uint32_t)(TOTAL - sent);
    copy = malloc(byte_count);
    check(copy != NULL);
    pattern_fill(copy, byte_count, calls->seed, sent);
    calls_send(calls->socket, copy, byte_count);
    free(copy);
  }
  if (calls->position == TOTAL) raw_shutdown(calls->socket);
}

static void many_connections_on_four_threads(void) {
  struct iocp_callbacks* servers = calls_new(THREADS);
  struct iocp_callbacks* clients = calls_new(THREADS);
  struct calls* ends = calloc(2 * CONNECTIONS, sizeof *ends);
  uint8_t* start = malloc(WINDOW);
  check(ends != NULL && start != NULL);
  for (uint32_t i = 0; i < CONNECTIONS; i++) {
    struct calls* server = &ends[2 * i];
    struct calls* client = &ends[2 * i + 1];
    raw_pair(0, &server->socket, &client->socket);
    host_socket_set_blocking(server->socket, true);
    host_socket_set_blocking(client->socket, i % 2 == 0);
    *server = (struct calls){.socket = server->socket,
                             .size_max = 1 + i * 997,
                             .seed = i + 1,
                             .on_call = echo};
    *client = (struct calls){.socket = client->socket,
                             .size_max = 70000 - i * 1000,
                             .seed = i + 1,
                             .on_call = send_on};
    if (i == 0) server->size_max = 100;
    calls_add(server, servers);
    calls_add(client, clients);
    pattern_fill(start, WINDOW, client->seed, 0);
    calls_send(client->socket, start, WINDOW);
  }
  for (uint32_t i = 0; i < 2 * CONNECTIONS; i++) {
    calls_wait_last(&ends[i], IOCP_CALLBACK_END, 0);
    check_is(ends[i].position, TOTAL);
  }
  check_is(iocp_callbacks_delete(servers), 0);
  check_is(iocp_callbacks_delete(clients), 0);
  free(start);
  free(ends);
}

/* One connection is enough for one thread. */
static void one_thread(void) {
  static uint8_t bytes[100000];
  struct iocp_callbacks* callbacks = calls_new(1);
  struct calls calls = {.size_max = 1000, .seed = 5};
  host_socket peer;
  raw_pair(0, &calls.socket, &peer);
  calls_add(&calls, callbacks);
  pattern_fill(bytes, sizeof bytes, 5, 0);
  calls_send(peer, bytes, sizeof bytes);
  calls_until(atomic_load(&calls.received) == sizeof bytes);
  check(atomic_load(&calls.read_count) >= sizeof bytes / 1000);
  raw_close(peer);
  calls_wait_last(&calls, IOCP_CALLBACK_END, 0);
  raw_close(calls.socket);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

/* Bytes that arrived before the socket was added are reported like others. */
static void bytes_arrived_before(void) {
  struct iocp_callbacks* callbacks = calls_new(0);
  struct calls calls = {0};
  host_socket peer;
  raw_pair(0, &calls.socket, &peer);
  calls_send(peer, "before", 6);
  raw_close(peer);
  host_sleep_ms(20);
  calls_add(&calls, callbacks);
  calls_wait_last(&calls, IOCP_CALLBACK_END, 0);
  check_is(calls.position, 6);
  raw_close(calls.socket);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

TEST_MAIN(TEST_CASE(many_connections_on_four_threads),
          TEST_CASE(one_thread),
          TEST_CASE(bytes_arrived_before))
