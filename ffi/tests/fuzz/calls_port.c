/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "calls.h"
#include "environment.h"
#include "helper.h"

#define PORT__CAPACITY_MAX 4096
#define PORT__SLAB (512 * 1024)
#define PORT__GUARD 0xa5
#define PORT__GUARDED 100

/* The arguments of a call end at the end of these, so that AddressSanitizer
 * notices a write past them. */
static struct {
  struct iocp_header header;
  struct iocp_record records[PORT__CAPACITY_MAX];
} events;
static uint8_t slab[PORT__SLAB];

void call_new(const struct step* step, int32_t port, int32_t socket) {
  (void)port, (void)socket;
  uint32_t realm = step->b < 240 ? 0 : 1 + step->b % 3u;
  model_begin_realm(realm);
  int32_t id = iocp_new(realm);
  model_check(id, 0);
  /* The model has no room for another port. */
  if (id < 0) return;
  struct model_port* added = model_add_port(id);
  if (added == NULL)
    FUZZ_IS(iocp_delete(id), 0);
  else
    added->realm = realm;
}

void call_delete(const struct step* step, int32_t port, int32_t socket) {
  (void)step, (void)socket;
  int32_t forced = model_refuses_port(port);
  int32_t result = iocp_delete(port);
  model_check(result, forced);
  if (forced != 0) return;
  FUZZ_IS(result, 0);
  model_void_port(model_port(port));
}

void calls_delete_all(void) {
  int32_t port;
  for (uint8_t i = 0; i < MODEL_PORTS; i++) {
    port = model_draw_port((uint8_t)(128 + i));
    if (port >= 0 && model_refuses_port(port) == 0) call_delete(NULL, port, -1);
  }
}

/* ---- polling */

struct port__poll {
  void* events;
  uint32_t capacity;
  uint8_t* slab;
  uint32_t offset;
  uint32_t length;
};

static void port__draw_slab(const struct step* step, struct port__poll* poll) {
  static const uint32_t lengths[] = {0,
                                     1,
                                     IOCP_SLAB_MIN - 1,
                                     IOCP_SLAB_MIN,
                                     IOCP_SLAB_MIN + 1,
                                     IOCP_RECEIVE_MAX,
                                     IOCP_RECEIVE_MAX + IOCP_SLAB_MIN,
                                     PORT__SLAB};
  uint32_t length = lengths[step->b % 8];
  poll->length = length;
  poll->slab = slab + PORT__SLAB - length;
  poll->offset = 0;
  if (step->c < 128) return;
  /* At a part of it, or past its end. */
  const uint32_t offsets[] = {4,
                              8,
                              1,
                              length / 2,
                              length,
                              length - IOCP_SLAB_MIN,
                              length + 1,
                              UINT32_MAX};
  poll->offset = offsets[step->c % 8];
  if (step->c < 240) return;
  /* The length ends at the offset, so no byte is accessed. */
  static const uint32_t ends[] = {INT32_MAX, 1u << 31, UINT32_MAX};
  poll->offset = poll->length = ends[step->c % 3];
}

static void port__draw_events(const struct step* step,
                              struct port__poll* poll) {
  static const uint32_t capacities[] = {64,
                                        1,
                                        2,
                                        3,
                                        16,
                                        PORT__CAPACITY_MAX,
                                        0,
                                        PORT__CAPACITY_MAX + 1,
                                        UINT32_MAX};
  poll->capacity = step->a < 128 ? 64 : capacities[step->a % 9];
  uint32_t used = poll->capacity <= PORT__CAPACITY_MAX ? poll->capacity : 1;
  poll->events = &events.records[PORT__CAPACITY_MAX - used] - 1;
}

/* The error that the arguments must cause. */
static int32_t port__poll_refused(const struct port__poll* poll) {
  if (poll->events == NULL || (poll->slab == NULL && poll->length != 0))
    return -IOCP_EFAULT;
  if (poll->capacity == 0 || poll->capacity > PORT__CAPACITY_MAX ||
      poll->offset > poll->length || poll->length > INT32_MAX ||
      (uintptr_t)poll->events % 4 != 0)
    return -IOCP_EINVAL;
  return 0;
}

void call_poll(const struct step* step, int32_t port, int32_t socket) {
  struct port__poll poll;
  (void)socket;
  port__draw_events(step, &poll);
  port__draw_slab(step, &poll);
  if (step->d >= 240) {
    if ((step->d & 1) != 0) poll.slab = NULL;
    if ((step->d & 2) != 0) poll.events = NULL;
    if ((step->d & 4) != 0) poll.events = (uint8_t*)&events + 1;
  }
  int32_t forced = model_refuses_port(port);
  if (forced == 0) forced = port__poll_refused(&poll);
  /* The bytes before the offset must not change. */
  uint32_t before = poll.offset < poll.length && poll.slab != NULL
                        ? poll.offset % PORT__GUARDED
                        : 0;
  uint8_t* guard = before == 0 ? NULL : poll.slab + poll.offset - before;
  if (before != 0) memset(guard, PORT__GUARD, before);
  int32_t count = iocp_poll(
      port, poll.events, poll.capacity, poll.slab, poll.offset, poll.length);
  model_check(count, forced);
  for (uint32_t i = 0; i < before; i++) FUZZ_IS(guard[i], PORT__GUARD);
  if (forced != 0) return;
  FUZZ_CHECK(count >= 0 && (uint32_t)count <= poll.capacity);
  model_apply_records(model_port(port),
                      poll.events,
                      count,
                      poll.slab,
                      poll.offset,
                      poll.length);
}

/* ---- waiting */

static void port__wait_here(const struct step* step, int32_t port) {
  static const uint32_t times_us[] = {
      0, 1, 20, IOCP_WAIT_HERE_MAX, IOCP_WAIT_HERE_MAX + 1, UINT32_MAX};
  uint32_t time_us = times_us[step->b % 6];
  int32_t forced = model_refuses_port(port);
  if (forced == 0 && time_us > IOCP_WAIT_HERE_MAX) forced = -IOCP_EINVAL;
  int32_t result = iocp_wait_here(port, time_us);
  model_check(result, forced);
  FUZZ_CHECK(forced != 0 || result == 0 || result == 1);
}

void call_wait(const struct step* step, int32_t port, int32_t socket) {
  static const int32_t unlimited[] = {-1, INT32_MIN, INT32_MAX, -2};
  (void)socket;
  if ((step->b & 64) != 0) port__wait_here(step, port);
  bool is_there = model_port(port) != NULL;
  /* Only one thread may wait for a port. */
  if (is_there && helper_waits_for() == port) return;
  if (step->a >= 240 && is_there && helper_waits_for() == -1 &&
      (step->call & STEP_OTHER_THREAD) == 0) {
    helper_wait(port);
    return;
  }
  /* A wait that lasts is rare, as inputs must be fast. */
  int32_t timeout_ms = step->a == 127;
  bool is_woken = is_there && step->a >= 128;
  if (is_woken) {
    FUZZ_IS(iocp_wake(port), 0);
    timeout_ms = unlimited[step->a % 4];
  } else if (!is_there && step->a >= 128) {
    timeout_ms = unlimited[step->a % 4];
  }
  int32_t result = iocp_wait(port, timeout_ms);
  if (!is_there) {
    FUZZ_IS(result, -IOCP_EBADF);
    return;
  }
  FUZZ_CHECK(result == 1 || (result == 0 && !is_woken));
}

void call_wake(const struct step* step, int32_t port, int32_t socket) {
  (void)step, (void)socket;
  int32_t result = iocp_wake(port);
  FUZZ_CHECK(result == (model_port(port) == NULL ? -IOCP_EBADF : 0));
}

/* ---- numbers */

void call_native_error(const struct step* step, int32_t port, int32_t socket) {
  (void)step, (void)socket;
  int32_t forced = model_refuses_port(port);
  int32_t result = iocp_native_error(port);
  if (forced != 0)
    model_check(result, forced);
  else
    FUZZ_CHECK(result >= 0);
}

void call_stats(const struct step* step, int32_t port, int32_t socket) {
  struct iocp_stats stats;
  (void)socket;
  void* where = step->a < 240 ? &stats : NULL;
  int32_t forced = model_refuses_port(port);
  if (forced == 0 && where == NULL) forced = -IOCP_EFAULT;
  model_check(iocp_stats(port, where), forced);
  if (forced != 0) return;
  const struct model_port* model = model_port(port);
  FUZZ_IS(stats.polls, model->polls);
  FUZZ_IS(stats.records, model->records);
  FUZZ_CHECK(stats.sockets >= model->socket_count);
  FUZZ_CHECK(stats.bytes_unsent >= 0 && stats.operations == 0);
}

void call_abi(const struct step* step, int32_t port, int32_t socket) {
  (void)step, (void)port, (void)socket;
  FUZZ_IS(iocp_abi(), IOCP_ABI);
}

struct port__resolve {
  const void* name;
  uint32_t length;
  void* addresses;
  uint32_t capacity;
};

/* Makes the call wrong in the ways that `how` says; returns the expected
 * error. */
static int32_t port__spoil(struct port__resolve* call,
                           uint8_t how,
                           uint8_t choice) {
  static const uint32_t lengths[] = {0, 256, 300, UINT32_MAX};
  static uint8_t long_name[300];
  bool is_invalid = (how & (4 | 8 | 16)) != 0;
  /* The length exceeds the name. */
  if ((how & 4) != 0) call->length++;
  if ((how & 8) != 0) call->capacity = 0;
  if ((how & 16) != 0) {
    call->length = lengths[choice % 4];
    call->name = long_name;
  }
  if ((how & 1) != 0) call->name = NULL;
  if ((how & 2) != 0) call->addresses = NULL;
  if ((how & (1 | 2)) != 0) return -IOCP_EFAULT;
  return is_invalid ? -IOCP_EINVAL : 0;
}

/* Only names that the system resolves without a network. */
void call_resolve(const struct step* step, int32_t port, int32_t socket) {
  static const char names[][24] = {"127.0.0.1",
                                   "::1",
                                   "0x7f.1",
                                   "fe80::1%lo",
                                   "fe80::1%4294967295",
                                   "255.255.255.255",
                                   "::ffff:1.2.3.4"};
  uint8_t room[8 * sizeof(struct iocp_address) + 1];
  (void)port, (void)socket;
  /* The system reads files for this one, which is slow, so it is rare. */
  const char* name = step->a < 250 ? names[step->a % 7] : "localhost";
  struct port__resolve call = {.name = name,
                               .length = (uint32_t)strlen(name),
                               /* At any alignment. */
                               .addresses = room + (step->c >= 192),
                               .capacity = 1 + step->b % 8};
  int32_t forced = step->d < 128 ? 0 : port__spoil(&call, step->d, step->e);
  int32_t result =
      iocp_resolve(call.name, call.length, call.addresses, call.capacity);
  model_check(result, forced);
  if (forced != 0) return;
  /* Without descriptors the system cannot read its files. */
  FUZZ_CHECK(result > 0 || result == -IOCP_ENOTFOUND ||
             result == -IOCP_EMFILE || result == -IOCP_EAI_AGAIN);
  FUZZ_CHECK(result <= (int32_t)call.capacity);
}

/* ---- threads and time */

/* The ports of a thread are deleted when it ends. */
static void* port__short_life(void* argument) {
  const struct step* step = argument;
  struct iocp_address address = {.family = 4, .bytes = {127, 0, 0, 1}};
  for (int i = 0; i < step->a % 3; i++) {
    int32_t port = iocp_new(0);
    model_check(port, 0);
    for (int j = 0; port >= 0 && j < step->b % 4; j++)
      model_check(iocp_listen(port, &address, 1, 0), 0);
  }
  return NULL;
}

void call_thread(const struct step* step, int32_t port, int32_t socket) {
  struct step copy = *step;
  (void)port, (void)socket;
  helper_run_once(port__short_life, &copy);
}

void call_pass(const struct step* step, int32_t port, int32_t socket) {
  static const uint32_t times_ms[] = {
      1, 16, 17, 33, 100, 1000, IOCP_LINGER_MS + 33, 3600000, UINT32_MAX};
  (void)port, (void)socket;
  environment_pass(times_ms[step->a % 9]);
}
