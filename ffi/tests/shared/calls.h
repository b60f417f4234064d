/* SPDX-License-Identifier: MIT */
/*
 * A callback that records its calls, and checks what the library guarantees:
 * calls for one socket never overlap, bytes are in order, no call has more than
 * the read buffer size, and none follows the last one.
 */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include <stdatomic.h>

#include "check.h"
#include "host.h"
#include "iocp_callback.h"

#define CALLS_DEADLINE_MS 60000

struct calls {
  host_socket socket;
  uint32_t size_max; /* the read buffer size that was given */
  uint64_t seed;     /* of the expected pattern; 0: not checked */
  /* May be NULL; runs inside the call, after it was recorded. For an accept the
   * bytes are the new socket. */
  void (*on_call)(struct calls* calls,
                  int event_type,
                  const void* bytes,
                  uint32_t byte_count);
  void* user;

  /* Used by the calls only. It is not atomic, so that a sanitizer sees calls
   * that overlap or are not ordered. */
  uint64_t position;
  atomic_bool is_running;

  /* For any thread. */
  _Atomic(uint64_t) received;
  _Atomic(uint32_t) read_count;
  _Atomic(uint32_t) accept_count;
  _Atomic(uint32_t) failure_count; /* IOCP_CALLBACK_ACCEPT_FAILED */
  _Atomic(int32_t) last_event;     /* the last call, once it has returned */
  _Atomic(uint32_t) last_error;
};

void calls_callback(iocp_os_socket socket,
                    int event_type,
                    void* read_buffer,
                    iocp_byte_count byte_count,
                    void* user_state);

/* Adds calls->socket, which must succeed. */
void calls_add(struct calls* calls, struct iocp_callbacks* callbacks);
void calls_add_listener(struct calls* calls, struct iocp_callbacks* callbacks);

/* Starts completion threads. */
struct iocp_callbacks* calls_new(uint32_t threads);

/* Waits for the last call, and checks its event and error. */
void calls_wait_last(struct calls* calls, int event_type, uint32_t error);

/* Sends everything with plain calls, and waits. */
void calls_send(host_socket socket, const void* bytes, uint32_t length);

/* Waits until the expression holds. */
#define calls_until(expression)                                    \
  do {                                                             \
    uint64_t calls_deadline = host_now_ms() + CALLS_DEADLINE_MS;   \
    while (!(expression)) {                                        \
      if (host_now_ms() > calls_deadline)                          \
        check_failed(__FILE__, __LINE__, "in time: " #expression); \
      host_sleep_ms(1);                                            \
    }                                                              \
  } while (0)

#endif /* TESTS_CALLS_H */
