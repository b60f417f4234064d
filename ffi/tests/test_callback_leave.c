/* SPDX-License-Identifier: MIT */
/*
 * A socket is removed when its peer ends or resets the connection, and when its
 * user closes it, at any time and from anywhere. Each has exactly one last
 * call, and the next socket with its handle value is independent of it.
 *
 * It is hard because closing a descriptor removes it from epoll without an
 * event, and its number is used again at once.
 */
#include "shared/calls.h"
#include "shared/raw.h"
#include "shared/test.h"

/* Two connected sockets, one of which is added. */
static void open_pair(struct calls* calls,
                      struct iocp_callbacks* callbacks,
                      host_socket* peer_out) {
  raw_pair(0, &calls->socket, peer_out);
  calls_add(calls, callbacks);
}

static void peer_ends(void) {
  struct iocp_callbacks* callbacks = calls_new(2);
  struct calls calls = {0};
  host_socket peer;
  open_pair(&calls, callbacks, &peer);
  calls_send(peer, "x", 1);
  raw_shutdown(peer);
  calls_wait_last(&calls, IOCP_CALLBACK_END, 0);
  check_is(calls.position, 1);
  /* The other direction stays open for as long as the user likes. */
  char byte = 0;
  calls_send(calls.socket, "y", 1);
  calls_until(raw_receive(peer, &byte, 1) == 1);
  check_is(byte, 'y');
  raw_close(peer);
  raw_close(calls.socket);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

static void peer_resets(void) {
  struct iocp_callbacks* callbacks = calls_new(2);
  struct calls calls = {0};
  host_socket peer;
  open_pair(&calls, callbacks, &peer);
  calls_send(peer, "x", 1);
  calls_until(atomic_load(&calls.received) == 1);
  raw_reset(peer);
  calls_wait_last(&calls, IOCP_CALLBACK_ERROR, IOCP_ECONNRESET);
  raw_close(calls.socket);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

static void user_closes(void) {
  struct iocp_callbacks* callbacks = calls_new(2);
  struct calls calls[8] = {{0}};
  host_socket peers[8];
  for (int i = 0; i < 8; i++) {
    open_pair(&calls[i], callbacks, &peers[i]);
    /* Some are closed before their thread has seen them. */
    if (i % 2 == 0) host_sleep_ms(10);
    raw_close(calls[i].socket);
  }
  for (int i = 0; i < 8; i++) {
    calls_wait_last(&calls[i], IOCP_CALLBACK_ERROR, IOCP_ECANCELED);
    raw_close(peers[i]);
  }
  check_is(iocp_callbacks_delete(callbacks), 0);
}

static void close_it(struct calls* calls,
                     int event_type,
                     const void* bytes,
                     uint32_t byte_count) {
  (void)bytes;
  (void)byte_count;
  if (event_type == IOCP_CALLBACK_READ) raw_close(calls->socket);
}

/* There is more to receive, and the number is used again at once. */
static void user_closes_in_a_callback(void) {
  struct iocp_callbacks* callbacks = calls_new(1);
  struct calls calls = {.size_max = 10, .on_call = close_it};
  host_socket peer;
  raw_pair(0, &calls.socket, &peer);
  calls_send(peer, "a stream that is cut short", 26);
  host_sleep_ms(20);
  calls_add(&calls, callbacks);
  calls_wait_last(&calls, IOCP_CALLBACK_ERROR, IOCP_ECANCELED);
  check_is(calls.position, 10);
  raw_close(peer);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

static void close_last(struct calls* calls,
                       int event_type,
                       const void* bytes,
                       uint32_t byte_count) {
  (void)bytes;
  (void)byte_count;
  if (event_type != IOCP_CALLBACK_READ) raw_close(calls->socket);
}

static void user_closes_in_the_last_call(void) {
  struct iocp_callbacks* callbacks = calls_new(2);
  for (int i = 0; i < 50; i++) {
    struct calls calls = {.on_call = close_last};
    host_socket peer;
    open_pair(&calls, callbacks, &peer);
    calls_send(peer, "x", 1);
    raw_close(peer);
    calls_wait_last(&calls, IOCP_CALLBACK_END, 0);
    check_is(calls.position, 1);
  }
  check_is(iocp_callbacks_delete(callbacks), 0);
}

static struct calls* older;

static void check_older_is_gone(struct calls* calls,
                                int event_type,
                                const void* bytes,
                                uint32_t byte_count) {
  (void)calls;
  (void)event_type;
  (void)bytes;
  (void)byte_count;
  check_is(atomic_load(&older->last_event), IOCP_CALLBACK_ERROR);
}

/* A descriptor is closed, and its number is at once that of a new socket, which
 * is added too. The old socket has its last call before the new one has its
 * first. */
static void number_is_used_again_by(uint32_t threads, int count) {
  struct iocp_callbacks* callbacks = calls_new(threads);
  uint32_t same_count = 0;
  for (int i = 0; i < count; i++) {
    struct calls calls[2] = {{0}, {.on_call = check_older_is_gone}};
    host_socket peers[2];
    open_pair(&calls[0], callbacks, &peers[0]);
    if (threads > 1 && i % 2 == 0) host_sleep_ms(2);
    for (volatile int left = i * 37 % 3000; left > 0; left--) continue;
    raw_close(calls[0].socket);
    raw_pair(0, &calls[1].socket, &peers[1]);
    older = &calls[0];
    bool is_same = calls[1].socket == calls[0].socket;
    if (!is_same) calls[1].on_call = NULL;
    same_count += is_same;
    calls_add(&calls[1], callbacks);
    calls_send(peers[1], "xyz", 3);
    calls_until(atomic_load(&calls[1].received) == 3);
    raw_close(peers[1]);
    calls_wait_last(&calls[1], IOCP_CALLBACK_END, 0);
    calls_wait_last(&calls[0], IOCP_CALLBACK_ERROR, IOCP_ECANCELED);
    check_is(calls[0].position, 0);
    raw_close(calls[1].socket);
    raw_close(peers[0]);
  }
  /* If no number was used again, nothing was tested. */
  check(same_count != 0);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

static void number_is_used_again(void) {
  number_is_used_again_by(4, 20);
  /* The descriptor may be closed while its thread adds it, which is rare. */
  number_is_used_again_by(1, 1000);
}

/* The user opens another socket with the same number, which the library must
 * not touch. */
static void number_belongs_to_the_user(void) {
  struct iocp_callbacks* callbacks = calls_new(1);
  struct calls calls = {0};
  host_socket peers[2], ours;
  char bytes[8];
  open_pair(&calls, callbacks, &peers[0]);
  calls_send(peers[0], "x", 1);
  calls_until(atomic_load(&calls.received) == 1);
  raw_close(calls.socket);
  raw_pair(0, &ours, &peers[1]);
  calls_send(peers[1], "mine", 4);
  calls_wait_last(&calls, IOCP_CALLBACK_ERROR, IOCP_ECANCELED);
  check_is(calls.position, 1);
  check_is(raw_receive(ours, bytes, sizeof bytes), 4);
  check_is(iocp_callbacks_delete(callbacks), 0);
  calls_send(peers[1], "mine", 4);
  calls_until(raw_receive(ours, bytes, sizeof bytes) == 4);
  raw_close(ours);
  for (int i = 0; i < 2; i++) raw_close(peers[i]);
}

/* A child process has the descriptor too, so the connection stays open when the
 * user closes it. There is a last call all the same, and later bytes are
 * discarded. */
static void closed_but_open_in_a_child(void) {
  struct iocp_callbacks* callbacks = calls_new(1);
  struct calls calls[2] = {{0}, {0}};
  host_socket peers[2];
  open_pair(&calls[0], callbacks, &peers[0]);
  struct host_child* child = host_child_start();
  raw_close(calls[0].socket);
  calls_wait_last(&calls[0], IOCP_CALLBACK_ERROR, IOCP_ECANCELED);
  open_pair(&calls[1], callbacks, &peers[1]);
  raw_send(peers[0], "x", 1);
  calls_send(peers[1], "y", 1);
  calls_until(atomic_load(&calls[1].received) == 1);
  host_child_end(child);
  raw_close(peers[0]);
  raw_close(peers[1]);
  calls_wait_last(&calls[1], IOCP_CALLBACK_END, 0);
  raw_close(calls[1].socket);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

static void send_to_closed_peer(struct calls* calls,
                                int event_type,
                                const void* bytes,
                                uint32_t byte_count) {
  (void)bytes;
  (void)byte_count;
  if (event_type != IOCP_CALLBACK_READ)
    while (raw_send(calls->socket, "x", 1) == 1) continue;
}

/* SIGPIPE does not end the process. */
static void callbacks_send_to_a_closed_peer(void) {
  struct iocp_callbacks* callbacks = calls_new(2);
  struct calls calls = {.on_call = send_to_closed_peer};
  host_socket peer;
  host_broken_pipe_ends(true);
  open_pair(&calls, callbacks, &peer);
  calls_send(peer, "x", 1);
  calls_until(atomic_load(&calls.received) == 1);
  raw_reset(peer);
  calls_wait_last(&calls, IOCP_CALLBACK_ERROR, IOCP_ECONNRESET);
  raw_close(calls.socket);
  check_is(iocp_callbacks_delete(callbacks), 0);
  host_broken_pipe_ends(false);
}

TEST_MAIN(TEST_CASE(peer_ends),
          TEST_CASE(peer_resets),
          TEST_CASE(user_closes),
          TEST_CASE(user_closes_in_a_callback),
          TEST_CASE(user_closes_in_the_last_call),
          TEST_CASE(number_is_used_again),
          TEST_CASE(number_belongs_to_the_user),
          TEST_CASE(closed_but_open_in_a_child),
          TEST_CASE(callbacks_send_to_a_closed_peer))
