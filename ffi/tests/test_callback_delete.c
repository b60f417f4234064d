/* SPDX-License-Identifier: MIT */
/*
 * Deleting waits for running callbacks, gives every socket its last call and
 * leaves the sockets open. No callback runs afterwards.
 *
 * It is hard because the threads that must end are in the middle of callbacks,
 * the kernel still has buffers, and sockets may be in the queues of threads.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/calls.h"
#include "shared/raw.h"
#include "shared/test.h"

static atomic_bool may_return;

static void wait_inside(struct calls* calls,
                        int event_type,
                        const void* bytes,
                        uint32_t byte_count) {
  (void)calls;
  if (event_type != IOCP_CALLBACK_READ) return;
  const char* text = bytes;
  /* The buffer does not change while the callback runs. */
  check_is(text[byte_count - 1], 'x');
  calls_until(atomic_load(&may_return));
  check_is(text[byte_count - 1], 'x');
}

static void let_return(void* unused) {
  (void)unused;
  host_sleep_ms(50);
  atomic_store(&may_return, true);
}

static void with_callbacks_in_flight(void) {
  struct iocp_callbacks* callbacks = calls_new(4);
  struct calls calls[6] = {{0}};
  host_socket peers[6];
  atomic_store(&may_return, false);
  for (int i = 0; i < 6; i++) {
    calls[i].on_call = wait_inside;
    raw_pair(0, &calls[i].socket, &peers[i]);
    calls_add(&calls[i], callbacks);
  }
  for (int i = 0; i < 4; i++) calls_send(peers[i], "x", 1);
  for (int i = 0; i < 4; i++)
    calls_until(atomic_load(&calls[i].read_count) == 1);
  struct host_thread* thread = host_thread_start(let_return, NULL);
  check_is(iocp_callbacks_delete(callbacks), 0);
  check(atomic_load(&may_return));
  for (int i = 0; i < 6; i++) {
    check(!atomic_load(&calls[i].is_running));
    check_is(atomic_load(&calls[i].last_event), IOCP_CALLBACK_ERROR);
    check_is(atomic_load(&calls[i].last_error), IOCP_ECANCELED);
    /* The two sockets can still exchange bytes. */
    char byte = 0;
    calls_send(peers[i], "y", 1);
    calls_until(raw_receive(calls[i].socket, &byte, 1) == 1);
    check_is(byte, 'y');
    raw_close(calls[i].socket);
    raw_close(peers[i]);
  }
  host_thread_join(thread);
}

static void delete_inside(struct calls* calls,
                          int event_type,
                          const void* bytes,
                          uint32_t byte_count) {
  (void)event_type;
  (void)bytes;
  (void)byte_count;
  check_is(iocp_callbacks_delete(calls->user), -IOCP_EBUSY);
}

static void refused_inside_a_callback(void) {
  struct iocp_callbacks* callbacks = calls_new(3);
  struct calls calls = {.on_call = delete_inside, .user = callbacks};
  host_socket peer;
  raw_pair(0, &calls.socket, &peer);
  calls_add(&calls, callbacks);
  calls_send(peer, "x", 1);
  calls_until(atomic_load(&calls.received) == 1);
  /* The delete itself makes the last call, and the delete in it is refused
   * too. */
  check_is(iocp_callbacks_delete(callbacks), 0);
  check_is(atomic_load(&calls.last_event), IOCP_CALLBACK_ERROR);
  raw_close(calls.socket);
  raw_close(peer);
}

static void add_inside(struct calls* calls,
                       int event_type,
                       const void* bytes,
                       uint32_t byte_count) {
  struct calls* other = calls->user;
  (void)bytes;
  (void)byte_count;
  if (event_type != IOCP_CALLBACK_ERROR) return;
  check_is(iocp_callbacks_add_socket(other->user,
                                     (iocp_os_socket)other->socket,
                                     other,
                                     100,
                                     calls_callback),
           -IOCP_EBADF);
}

static void adding_is_refused_meanwhile(void) {
  struct iocp_callbacks* callbacks = calls_new(2);
  struct calls other = {.user = callbacks};
  struct calls calls = {.on_call = add_inside, .user = &other};
  raw_pair(0, &calls.socket, &other.socket);
  calls_add(&calls, callbacks);
  check_is(iocp_callbacks_delete(callbacks), 0);
  check_is(atomic_load(&calls.last_event), IOCP_CALLBACK_ERROR);
  check_is(atomic_load(&other.last_event), 0);
  /* It was refused before it was marked as added. */
  callbacks = calls_new(1);
  calls_add(&other, callbacks);
  raw_close(calls.socket);
  calls_wait_last(&other, IOCP_CALLBACK_END, 0);
  raw_close(other.socket);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

/* Right after sockets were added, with bytes in transit. */
static void at_any_moment(void) {
  for (uint32_t round = 0; round < 60; round++) {
    struct iocp_callbacks* callbacks = calls_new(1 + round % 4);
    struct calls calls[8];
    host_socket peers[8];
    memset(calls, 0, sizeof calls);
    for (int i = 0; i < 8; i++) {
      raw_pair(0, &calls[i].socket, &peers[i]);
      calls_send(peers[i], "0123456789", 10);
      calls_add(&calls[i], callbacks);
      if (round % 3 == 1 && i % 2 == 0) raw_close(peers[i]);
    }
    if (round % 2 == 0) host_sleep_ms(round % 5);
    check_is(iocp_callbacks_delete(callbacks), 0);
    for (int i = 0; i < 8; i++) {
      check(atomic_load(&calls[i].last_event) != 0);
      raw_close(calls[i].socket);
      if (round % 3 != 1 || i % 2 != 0) raw_close(peers[i]);
    }
  }
}

static void without_sockets(void) {
  for (uint32_t threads = 0; threads < 20; threads++)
    check_is(iocp_callbacks_delete(calls_new(threads)), 0);
}

static void wrong_arguments(void) {
  struct iocp_callbacks* callbacks = (struct iocp_callbacks*)&may_return;
  check_is(iocp_callbacks_new(1, NULL), -IOCP_EFAULT);
  check_is(iocp_callbacks_new(IOCP_CALLBACKS_THREADS_MAX + 1, &callbacks),
           -IOCP_EINVAL);
  check(callbacks == NULL);
  check_is(iocp_callbacks_delete(NULL), -IOCP_EFAULT);
}

/* A failed start leaks nothing; handles are counted after each case. */
static void no_handles_at_the_start(void) {
  struct iocp_callbacks* callbacks = NULL;
  for (int32_t count = 0; count < 8; count++) {
    if (!host_limit_handles(count)) {
      test_skip("this system has no limit of handles");
      return;
    }
    /* The port of each thread needs two. */
    int32_t result = iocp_callbacks_new(4, &callbacks);
    host_limit_handles(-1);
    check_is(result, -IOCP_EMFILE);
    check(callbacks == NULL);
  }
}

TEST_MAIN(TEST_CASE(with_callbacks_in_flight),
          TEST_CASE(refused_inside_a_callback),
          TEST_CASE(adding_is_refused_meanwhile),
          TEST_CASE(at_any_moment),
          TEST_CASE(without_sockets),
          TEST_CASE(wrong_arguments),
          TEST_CASE(no_handles_at_the_start))
