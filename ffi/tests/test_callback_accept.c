/* SPDX-License-Identifier: MIT */
/*
 * A listener on completion threads: each connection is one call with a new
 * socket, which belongs to the user, blocks, and can be added to any thread.
 *
 * It is hard because the listener belongs to the user and may block, because
 * there may be no descriptor left, and because it may be closed meanwhile.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/calls.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define CONNECTIONS 300

struct server {
  struct iocp_callbacks* callbacks;
  struct calls listener;
  struct calls accepted[CONNECTIONS];
};

static void echo(struct calls* calls,
                 int event_type,
                 const void* bytes,
                 uint32_t byte_count) {
  if (event_type == IOCP_CALLBACK_READ)
    calls_send(calls->socket, bytes, byte_count);
  else
    raw_close(calls->socket);
}

static void add_accepted(struct calls* listener,
                         int event_type,
                         const void* bytes,
                         uint32_t byte_count) {
  struct server* server = listener->user;
  iocp_os_socket socket;
  if (event_type != IOCP_CALLBACK_ACCEPT) return;
  memcpy(&socket, bytes, byte_count);
  uint32_t index = atomic_load(&listener->accept_count) - 1;
  check(index < CONNECTIONS);
  struct calls* calls = &server->accepted[index];
  *calls = (struct calls){.socket = (host_socket)socket, .on_call = echo};
  calls_add(calls, server->callbacks);
}

static void open_server(struct server* server,
                        struct iocp_address* address_out) {
  server->listener = (struct calls){.on_call = add_accepted, .user = server};
  server->listener.socket = raw_listen("127.0.0.1", address_out);
  calls_add_listener(&server->listener, server->callbacks);
}

static void many_connections(void) {
  struct server* server = calloc(1, sizeof *server);
  struct calls* clients = calloc(CONNECTIONS, sizeof *clients);
  struct iocp_address address;
  uint8_t bytes[1000];
  check(server != NULL && clients != NULL);
  server->callbacks = calls_new(4);
  open_server(server, &address);
  for (uint32_t i = 0; i < CONNECTIONS; i++) {
    clients[i].socket = raw_connect(&address);
    clients[i].seed = i + 1;
    calls_add(&clients[i], server->callbacks);
    pattern_fill(bytes, sizeof bytes, i + 1, 0);
    calls_send(clients[i].socket, bytes, sizeof bytes);
  }
  for (uint32_t i = 0; i < CONNECTIONS; i++) {
    calls_until(atomic_load(&clients[i].received) == sizeof bytes);
    raw_shutdown(clients[i].socket);
    calls_wait_last(&clients[i], IOCP_CALLBACK_END, 0);
    raw_close(clients[i].socket);
  }
  check_is(atomic_load(&server->listener.accept_count), CONNECTIONS);
  for (uint32_t i = 0; i < CONNECTIONS; i++)
    calls_wait_last(&server->accepted[i], IOCP_CALLBACK_END, 0);
  check_is(iocp_callbacks_delete(server->callbacks), 0);
  check_is(atomic_load(&server->listener.last_error), IOCP_ECANCELED);
  raw_close(server->listener.socket);
  free(clients);
  free(server);
}

static _Atomic(host_socket) accepted_socket;

static void keep_accepted(struct calls* listener,
                          int event_type,
                          const void* bytes,
                          uint32_t byte_count) {
  iocp_os_socket socket;
  (void)listener;
  if (event_type != IOCP_CALLBACK_ACCEPT) return;
  memcpy(&socket, bytes, byte_count);
  atomic_store(&accepted_socket, (host_socket)socket);
}

static host_socket accept_one(const struct iocp_address* address,
                              host_socket* client_out) {
  atomic_store(&accepted_socket, -1);
  *client_out = raw_connect(address);
  calls_until(atomic_load(&accepted_socket) != -1);
  return atomic_load(&accepted_socket);
}

static void send_later(void* argument) {
  host_socket* socket = argument;
  host_sleep_ms(100);
  calls_send(*socket, "x", 1);
}

/* With a blocking and a non-blocking listener, and no connections. */
static void sockets_are_plain_and_block(void) {
  for (int i = 0; i < 2; i++) {
    struct iocp_callbacks* callbacks = calls_new(2);
    struct calls listener = {.on_call = keep_accepted};
    struct iocp_address address;
    host_socket client;
    char byte = 0;
    listener.socket = raw_listen("127.0.0.1", &address);
    host_socket_set_blocking(listener.socket, i == 0);
    calls_add_listener(&listener, callbacks);
    host_socket server = accept_one(&address, &client);
    struct iocp_address local = raw_local(server);
    check_is(local.port, address.port);
    struct host_thread* thread = host_thread_start(send_later, &client);
    if (i == 0) check_is(raw_receive(server, &byte, 1), 1);
    host_thread_join(thread);
    raw_close(server);
    raw_close(client);
    /* The listener does not block a thread. */
    check_is(iocp_callbacks_delete(callbacks), 0);
    raw_close(listener.socket);
  }
}

static void user_closes_the_listener(void) {
  struct iocp_callbacks* callbacks = calls_new(2);
  struct calls listener = {.on_call = keep_accepted};
  struct iocp_address address;
  host_socket client, other;
  listener.socket = raw_listen("127.0.0.1", &address);
  calls_add_listener(&listener, callbacks);
  raw_close(accept_one(&address, &client));
  raw_close(client);
  raw_close(listener.socket);
  calls_wait_last(&listener, IOCP_CALLBACK_ERROR, IOCP_ECANCELED);
  check_is(raw_try_connect(&address, &other), -IOCP_ECONNREFUSED);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

static void close_listener(struct calls* listener,
                           int event_type,
                           const void* bytes,
                           uint32_t byte_count) {
  iocp_os_socket socket;
  if (event_type != IOCP_CALLBACK_ACCEPT) return;
  memcpy(&socket, bytes, byte_count);
  raw_close((host_socket)socket);
  raw_close(listener->socket);
}

/* Further connections have arrived already, and are not needed. */
static void user_closes_the_listener_in_a_callback(void) {
  struct iocp_callbacks* callbacks = calls_new(1);
  struct calls listener = {.on_call = close_listener};
  struct iocp_address address;
  host_socket clients[20];
  listener.socket = raw_listen("127.0.0.1", &address);
  for (int i = 0; i < 20; i++) clients[i] = raw_connect(&address);
  calls_add_listener(&listener, callbacks);
  calls_wait_last(&listener, IOCP_CALLBACK_ERROR, IOCP_ECANCELED);
  check_is(atomic_load(&listener.accept_count), 1);
  check_is(iocp_callbacks_delete(callbacks), 0);
  for (int i = 0; i < 20; i++) raw_close(clients[i]);
}

static void out_of_handles(void) {
  struct iocp_callbacks* callbacks = calls_new(2);
  struct calls listener = {.on_call = keep_accepted};
  struct iocp_address address;
  host_socket client, last;
  listener.socket = raw_listen("127.0.0.1", &address);
  calls_add_listener(&listener, callbacks);
  raw_close(accept_one(&address, &client));
  raw_close(client);
  client = raw_open_stream();
  raw_close(client);
  if (!host_limit_handles(1)) {
    test_skip("this system has no limit of handles");
  } else {
    atomic_store(&accepted_socket, -1);
    last = raw_connect(&address); /* of the last connection */
    calls_until(atomic_load(&listener.failure_count) == 1);
    host_limit_handles(-1);
    calls_until(atomic_load(&accepted_socket) != -1);
    raw_close(atomic_load(&accepted_socket));
    raw_close(last);
    check_is(atomic_load(&listener.last_event), 0);
    raw_close(accept_one(&address, &client));
    raw_close(client);
  }
  check_is(iocp_callbacks_delete(callbacks), 0);
  raw_close(listener.socket);
}

TEST_MAIN(TEST_CASE(many_connections),
          TEST_CASE(sockets_are_plain_and_block),
          TEST_CASE(user_closes_the_listener),
          TEST_CASE(user_closes_the_listener_in_a_callback),
          TEST_CASE(out_of_handles))
