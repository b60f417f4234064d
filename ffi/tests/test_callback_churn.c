/* SPDX-License-Identifier: MIT */
/*
 * Sockets are opened and closed on all threads at once, in the middle of their
 * streams, so that each handle value is soon that of another socket. Every
 * socket gets only its own bytes, and has one last call.
 *
 * It is hard because events in the kernel and in the queues of threads may
 * refer to a handle value that another socket has by now.
 */
#include "shared/calls.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define USERS 4
#define ROUNDS 60
#define BYTES 3000

struct user {
  struct iocp_callbacks* callbacks;
  uint32_t number;
};

/* Closes its socket after so many bytes, unless its stream ends before. */
static void close_after(struct calls* calls,
                        int event_type,
                        const void* bytes,
                        uint32_t byte_count) {
  const uint64_t* limit = calls->user;
  (void)bytes;
  if (event_type == IOCP_CALLBACK_READ) {
    bool was_below = calls->position - byte_count < *limit;
    if (was_below && calls->position >= *limit) raw_close(calls->socket);
    return;
  }
  if (calls->position < *limit) raw_close(calls->socket);
}

static void user_main(void* argument) {
  struct user* user = argument;
  uint64_t random = user->number + 1;
  for (uint32_t round = 0; round < ROUNDS; round++) {
    uint8_t bytes[BYTES];
    uint64_t limit = 1 + pattern_random(&random) % (BYTES + BYTES / 2);
    struct calls calls = {.size_max = 1 + pattern_random(&random) % 1000,
                          .seed = 1 + user->number * ROUNDS + round,
                          .on_call = close_after,
                          .user = &limit};
    host_socket peer;
    raw_pair(0, &calls.socket, &peer);
    pattern_fill(bytes, BYTES, calls.seed, 0);
    if (round % 3 == 0) calls_send(peer, bytes, BYTES);
    calls_add(&calls, user->callbacks);
    /* The other end may be closed by now. */
    if (round % 3 != 0) raw_send(peer, bytes, BYTES);
    raw_close(peer);
    calls_until(atomic_load(&calls.last_event) != 0);
    if (limit > BYTES)
      calls_wait_last(&calls, IOCP_CALLBACK_END, 0);
    else
      calls_wait_last(&calls, IOCP_CALLBACK_ERROR, IOCP_ECANCELED);
    check(calls.position >= (limit > BYTES ? BYTES : limit));
    /* No call comes after the close. */
    check(calls.position < limit + calls.size_max);
  }
}

static void closed_in_the_middle(void) {
  struct iocp_callbacks* callbacks = calls_new(4);
  struct user users[USERS];
  struct host_thread* threads[USERS];
  for (uint32_t i = 0; i < USERS; i++) {
    users[i] = (struct user){.callbacks = callbacks, .number = i};
    threads[i] = host_thread_start(user_main, &users[i]);
  }
  for (uint32_t i = 0; i < USERS; i++) host_thread_join(threads[i]);
  check_is(iocp_callbacks_delete(callbacks), 0);
}

TEST_MAIN(TEST_CASE(closed_in_the_middle))
