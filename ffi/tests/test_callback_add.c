/* SPDX-License-Identifier: MIT */
/*
 * Adding a socket reports wrong arguments at once, from any thread and from
 * inside callbacks, and changes nothing of the socket.
 *
 * It is hard because another thread will serve the socket, and that thread may
 * be busy in a callback that adds a socket to this one.
 */
#include "shared/calls.h"
#include "shared/drive.h"
#include "shared/raw.h"
#include "shared/test.h"

static int32_t try_add(struct iocp_callbacks* callbacks, host_socket socket) {
  return iocp_callbacks_add_socket(
      callbacks, (iocp_os_socket)socket, NULL, 100, calls_callback);
}

static int32_t try_listen(struct iocp_callbacks* callbacks,
                          host_socket socket) {
  return iocp_callbacks_add_listener(
      callbacks, (iocp_os_socket)socket, NULL, calls_callback);
}

static void not_sockets(void) {
  struct iocp_callbacks* callbacks = calls_new(2);
  host_socket other = host_other_open();
  check_is(try_add(callbacks, other), -IOCP_ENOTSOCK);
  check_is(try_listen(callbacks, other), -IOCP_ENOTSOCK);
  host_other_close(other);
  check_is(try_add(callbacks, other), -IOCP_ENOTSOCK);
  check_is(try_add(callbacks, -1), -IOCP_ENOTSOCK);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

static void not_of_the_given_kind(void) {
  struct iocp_callbacks* callbacks = calls_new(2);
  struct iocp_address address;
  host_socket a, b;
  host_socket raw = raw_open_stream();
  check_is(try_add(callbacks, raw), -IOCP_ENOTCONN);
  check_is(try_listen(callbacks, raw), -IOCP_EINVAL);
  raw_close(raw);
  raw = raw_open_datagram();
  check_is(try_add(callbacks, raw), -IOCP_ENOTCONN);
  check_is(try_listen(callbacks, raw), -IOCP_EINVAL);
  raw_close(raw);
  raw = raw_listen("127.0.0.1", &address);
  check_is(try_add(callbacks, raw), -IOCP_ENOTCONN);
  raw_close(raw);
  raw_pair(0, &a, &b);
  check_is(try_listen(callbacks, a), -IOCP_EINVAL);
  raw_close(a);
  raw_close(b);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

static void wrong_arguments(void) {
  struct iocp_callbacks* callbacks = calls_new(1);
  host_socket a, b;
  raw_pair(0, &a, &b);
  iocp_os_socket socket = (iocp_os_socket)a;
  check_is(
      iocp_callbacks_add_socket(callbacks, socket, NULL, 0, calls_callback),
      -IOCP_EINVAL);
  check_is(iocp_callbacks_add_socket(callbacks, socket, NULL, 1, NULL),
           -IOCP_EFAULT);
  check_is(iocp_callbacks_add_socket(NULL, socket, NULL, 1, calls_callback),
           -IOCP_EFAULT);
  check_is(iocp_callbacks_add_listener(callbacks, socket, NULL, NULL),
           -IOCP_EFAULT);
  check_is(iocp_callbacks_add_listener(NULL, socket, NULL, calls_callback),
           -IOCP_EFAULT);
  raw_close(a);
  raw_close(b);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

/* No completion port accepts it. The error differs from that of a handle on a
 * port. */
static void for_synchronous_operations(void) {
  struct iocp_address address;
  host_socket ours = host_socket_open_synchronous();
  if (ours < 0) {
    test_skip("this system has no synchronous sockets");
    return;
  }
  struct iocp_callbacks* callbacks = calls_new(1);
  host_socket listener = raw_listen("127.0.0.1", &address);
  raw_connect_with(ours, &address);
  check_is(try_add(callbacks, ours), -IOCP_ENOTSUP);
  raw_close(ours);
  raw_close(listener);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

static void on_a_port_already(void) {
  struct iocp_callbacks* callbacks[2] = {calls_new(2), calls_new(2)};
  struct calls calls = {0};
  host_socket peer;
  raw_pair(0, &calls.socket, &peer);
  calls_add(&calls, callbacks[0]);
  int32_t port = iocp_new(0);
  check_is(try_add(callbacks[0], calls.socket), -IOCP_EEXIST);
  check_is(try_add(callbacks[1], calls.socket), -IOCP_EEXIST);
  check_is(iocp_add_socket(port, (double)calls.socket, 0), -IOCP_EEXIST);
  calls_send(peer, "x", 1);
  calls_until(atomic_load(&calls.received) == 1);
  raw_close(peer);
  calls_wait_last(&calls, IOCP_CALLBACK_END, 0);
  /* On Windows a handle can be added once, and Linux behaves the same. */
  check_is(try_add(callbacks[1], calls.socket), -IOCP_EEXIST);
  raw_close(calls.socket);
  check_is(iocp_delete(port), 0);
  for (int i = 0; i < 2; i++) check_is(iocp_callbacks_delete(callbacks[i]), 0);
}

/* Whether the socket blocks is unchanged, before and after. */
static void mode_is_unchanged(void) {
  struct iocp_callbacks* callbacks = calls_new(1);
  struct calls calls[2] = {{0}, {0}};
  char byte;
  raw_pair(0, &calls[0].socket, &calls[1].socket);
  host_socket_set_blocking(calls[1].socket, false);
  for (int i = 0; i < 2; i++) calls_add(&calls[i], callbacks);
  for (int i = 0; i < 2; i++) {
    calls_send(calls[i].socket, "x", 1);
    calls_until(atomic_load(&calls[!i].received) == 1);
  }
  check_is(iocp_callbacks_delete(callbacks), 0);
  for (int i = 0; i < 2; i++)
    check_is(atomic_load(&calls[i].last_event), IOCP_CALLBACK_ERROR);
  check_is(raw_receive(calls[1].socket, &byte, 1), HOST_WOULD_BLOCK);
  for (int i = 0; i < 2; i++) raw_close(calls[i].socket);
}

/* One byte was sent before it was added, and the others later. */
static void check_served(struct calls* calls, host_socket peer) {
  for (uint64_t i = 1; i < 20; i++) {
    calls_until(atomic_load(&calls->received) == i);
    calls_send(peer, "x", 1);
  }
  calls_until(atomic_load(&calls->received) == 20);
  raw_close(peer);
  calls_wait_last(calls, IOCP_CALLBACK_END, 0);
  raw_close(calls->socket);
}

/* On Windows the modes that others have set stay with a handle. */
static void skips_packets(void) {
  struct iocp_callbacks* callbacks = calls_new(1);
  struct calls calls = {0};
  host_socket peer;
  raw_pair(0, &calls.socket, &peer);
  host_socket_skip_packets(calls.socket);
  calls_send(peer, "x", 1);
  host_sleep_ms(20);
  calls_add(&calls, callbacks);
  check_served(&calls, peer);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

/* Callbacks can use the socket again, unless the system could not remove it
 * from its port: then only a port with IOCP_DETACHED can. */
static void detached_from_a_port(void) {
  struct iocp_callbacks* callbacks = calls_new(1);
  struct calls calls = {0};
  struct drive drive;
  host_socket peer;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &peer);
  drive_detach(socket, DRIVE_DEADLINE_MS);
  drive_until(&drive, socket->is_closed);
  calls.socket = (host_socket)socket->handle;
  calls.size_max = 4096;
  calls_send(peer, "x", 1);
  host_sleep_ms(20);
  int32_t result = iocp_callbacks_add_socket(callbacks,
                                             (iocp_os_socket)calls.socket,
                                             &calls,
                                             calls.size_max,
                                             calls_callback);
  if (result == -IOCP_EEXIST) {
    check(host_posts_operations());
    check_is(iocp_add_socket(drive.port, (double)calls.socket, 0),
             -IOCP_EEXIST);
    raw_close(calls.socket);
    raw_close(peer);
  } else {
    check_is(result, 0);
    check_served(&calls, peer);
  }
  drive_finish(&drive);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

/* So large that a send() blocks until the peer receives. */
#define LARGE (8 << 20)
static uint8_t large[LARGE];

static void send_large(struct calls* calls,
                       int event_type,
                       const void* bytes,
                       uint32_t byte_count) {
  (void)bytes;
  (void)byte_count;
  if (event_type != IOCP_CALLBACK_READ) return;
  uint32_t done = 0;
  while (done < LARGE) {
    int32_t count = raw_send(calls->socket, large + done, LARGE - done);
    check(count > 0); /* it blocks, so it never returns EAGAIN */
    done += (uint32_t)count;
  }
}

static void blocking_send_inside(void) {
  struct iocp_callbacks* callbacks = calls_new(2);
  struct calls calls = {.on_call = send_large};
  static uint8_t bytes[65536];
  host_socket peer;
  uint32_t received = 0;
  raw_pair(0, &calls.socket, &peer);
  host_socket_set_blocking(calls.socket, true);
  calls_add(&calls, callbacks);
  calls_send(peer, "x", 1);
  host_sleep_ms(50);
  host_socket_set_blocking(peer, true);
  while (received < LARGE) {
    int32_t count = raw_receive(peer, bytes, sizeof bytes);
    check(count > 0);
    received += (uint32_t)count;
  }
  check_is(received, LARGE);
  raw_close(peer);
  calls_wait_last(&calls, IOCP_CALLBACK_END, 0);
  raw_close(calls.socket);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

/* Each callback adds further sockets, from all threads to all threads. */
#define CHAINS 8
#define LINKS 40

struct chain {
  struct iocp_callbacks* callbacks;
  struct calls calls[LINKS];
  host_socket peers[LINKS];
  int count;
};

static void add_next(struct calls* calls,
                     int event_type,
                     const void* bytes,
                     uint32_t byte_count) {
  struct chain* chain = calls->user;
  (void)bytes;
  (void)byte_count;
  if (event_type != IOCP_CALLBACK_READ) {
    raw_close(calls->socket);
    return;
  }
  if (chain->count == LINKS) return;
  int index = chain->count++;
  struct calls* next = &chain->calls[index];
  next->on_call = add_next;
  next->user = chain;
  raw_pair(0, &next->socket, &chain->peers[index]);
  calls_send(chain->peers[index], "x", 1);
  calls_add(next, chain->callbacks);
}

static void from_callbacks_to_each_other(void) {
  static struct chain chains[CHAINS];
  struct iocp_callbacks* callbacks = calls_new(4);
  for (int i = 0; i < CHAINS; i++) {
    struct calls first = {.user = &chains[i]};
    chains[i].callbacks = callbacks;
    add_next(&first, IOCP_CALLBACK_READ, NULL, 0);
  }
  for (int i = 0; i < CHAINS; i++)
    for (int j = 0; j < LINKS; j++) {
      struct calls* calls = &chains[i].calls[j];
      calls_until(atomic_load(&calls->received) == 1);
      raw_close(chains[i].peers[j]);
      calls_wait_last(calls, IOCP_CALLBACK_END, 0);
    }
  check_is(iocp_callbacks_delete(callbacks), 0);
}

TEST_MAIN(TEST_CASE(not_sockets),
          TEST_CASE(not_of_the_given_kind),
          TEST_CASE(wrong_arguments),
          TEST_CASE(for_synchronous_operations),
          TEST_CASE(on_a_port_already),
          TEST_CASE(mode_is_unchanged),
          TEST_CASE(skips_packets),
          TEST_CASE(detached_from_a_port),
          TEST_CASE(blocking_send_inside),
          TEST_CASE(from_callbacks_to_each_other))
