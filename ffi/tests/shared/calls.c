/* SPDX-License-Identifier: MIT */
#include "calls.h"

#include "pattern.h"
#include "raw.h"

static void calls__note(struct calls* calls,
                        int event_type,
                        const void* bytes,
                        uint32_t byte_count) {
  switch (event_type) {
    case IOCP_CALLBACK_READ:
      check(byte_count > 0 && byte_count <= calls->size_max);
      if (calls->seed != 0)
        pattern_check(bytes, byte_count, calls->seed, calls->position);
      calls->position += byte_count;
      atomic_store(&calls->received, calls->position);
      atomic_fetch_add(&calls->read_count, 1);
      return;
    case IOCP_CALLBACK_ACCEPT:
      check_is(byte_count, sizeof(iocp_os_socket));
      atomic_fetch_add(&calls->accept_count, 1);
      return;
    case IOCP_CALLBACK_ACCEPT_FAILED:
      check(byte_count != 0);
      atomic_fetch_add(&calls->failure_count, 1);
      return;
    case IOCP_CALLBACK_END:
      check_is(byte_count, 0);
      return;
    default:
      check_is(event_type, IOCP_CALLBACK_ERROR);
      check(byte_count != 0);
      atomic_store(&calls->last_error, (uint32_t)byte_count);
  }
}

void calls_callback(iocp_os_socket socket,
                    int event_type,
                    void* read_buffer,
                    iocp_byte_count byte_count,
                    void* user_state) {
  struct calls* calls = user_state;
  check_is(socket, calls->socket);
  check(!atomic_exchange(&calls->is_running, true));
  check_is(atomic_load(&calls->last_event), 0);
  bool has_bytes =
      event_type == IOCP_CALLBACK_READ || event_type == IOCP_CALLBACK_ACCEPT;
  check((read_buffer != NULL) == has_bytes);
  calls__note(calls, event_type, read_buffer, (uint32_t)byte_count);
  if (calls->on_call != NULL)
    calls->on_call(calls, event_type, read_buffer, (uint32_t)byte_count);
  atomic_store(&calls->is_running, false);
  /* After the last store to it, the thread that waits may free it. */
  if (event_type == IOCP_CALLBACK_END || event_type == IOCP_CALLBACK_ERROR)
    atomic_store(&calls->last_event, event_type);
}

struct iocp_callbacks* calls_new(uint32_t threads) {
  struct iocp_callbacks* callbacks = NULL;
  check_is(iocp_callbacks_new(threads, &callbacks), 0);
  check(callbacks != NULL);
  return callbacks;
}

void calls_add(struct calls* calls, struct iocp_callbacks* callbacks) {
  if (calls->size_max == 0) calls->size_max = 4096;
  check_is(iocp_callbacks_add_socket(callbacks,
                                     (iocp_os_socket)calls->socket,
                                     calls,
                                     calls->size_max,
                                     calls_callback),
           0);
}

void calls_add_listener(struct calls* calls, struct iocp_callbacks* callbacks) {
  check_is(iocp_callbacks_add_listener(
               callbacks, (iocp_os_socket)calls->socket, calls, calls_callback),
           0);
}

void calls_wait_last(struct calls* calls, int event_type, uint32_t error) {
  calls_until(atomic_load(&calls->last_event) != 0);
  check_is(atomic_load(&calls->last_event), event_type);
  check_is(atomic_load(&calls->last_error), error);
}

void calls_send(host_socket socket, const void* bytes, uint32_t length) {
  const uint8_t* next = bytes;
  uint64_t until_ms = host_now_ms() + CALLS_DEADLINE_MS;
  while (length != 0) {
    int32_t count = raw_send(socket, next, length);
    if (count == HOST_WOULD_BLOCK) {
      check(host_now_ms() < until_ms);
      host_sleep_ms(1);
      continue;
    }
    check(count > 0);
    next += count;
    length -= (uint32_t)count;
  }
}
