/* SPDX-License-Identifier: MIT */
/*
 * A callback that keeps what it was told, and holds the library to its contract
 * meanwhile: calls of one socket never overlap, bytes come in order and within
 * the size that was asked for, and nothing comes after the last call.
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
  uint32_t size_max; /* the read buffer size it was added with */
  uint64_t seed;     /* of the pattern that is to come; 0: not checked */
  /* May be NULL; runs inside the call, after it was noted. For an accept the
   * bytes are the new socket. */
  void (*on_call)(struct calls* calls,
                  int event_type,
                  const void* bytes,
                  uint32_t byte_count);
  void* user;

  /* Only the calls use it: without an atomic, so that a sanitizer sees when two
   * of them overlap or are not ordered. */
  uint64_t position;
  atomic_bool is_running;

  /* For anybody. */
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

/* Adds calls->socket, which must be accepted. */
void calls_add(struct calls* calls, struct iocp_callbacks* callbacks);
void calls_add_listener(struct calls* calls, struct iocp_callbacks* callbacks);

/* Starts completion threads. */
struct iocp_callbacks* calls_new(uint32_t threads);

/* Waits for the last call, and checks what it is. */
void calls_wait_last(struct calls* calls, int event_type, uint32_t error);

/* Sends all of it with plain calls that wait. */
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
