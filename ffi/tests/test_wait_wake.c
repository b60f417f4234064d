/* SPDX-License-Identifier: MIT */
/*
 * iocp_wait() blocks until there is something to poll, and iocp_wake() ends it,
 * from any thread; no wake-up is lost, and neither call dequeues anything.
 *
 * It is hard because the wait may begin just before or just after the wake, or
 * run while the owner polls or deletes the port.
 */
#include <stdatomic.h>
#include <time.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

/* A wait may end early by one tick of the clock. */
#define TICK_MS 20

static void times_out(void) {
  struct drive drive;
  drive_open(&drive);
  uint64_t start_ms = host_now_ms();
  check_is(iocp_wait(drive.port, 150), 0);
  check(host_now_ms() - start_ms + TICK_MS >= 150);
  check_is(iocp_wait(drive.port, 0), 0);
  drive_finish(&drive);
}

static void wake_comes_before(void) {
  struct drive drive;
  drive_open(&drive);
  check_is(iocp_wake(drive.port), 0);
  check_is(iocp_wait(drive.port, -1), 1);
  check_is(drive_poll(&drive), 0);
  check_is(iocp_wait(drive.port, 0), 0);
  /* Even if there was a poll in between: a wake-up is for a wait. */
  check_is(iocp_wake(drive.port), 0);
  check_is(drive_poll(&drive), 0);
  check_is(iocp_wait(drive.port, -1), 1);
  check_is(drive_poll(&drive), 0);
  check_is(iocp_wait(drive.port, 0), 0);
  drive_finish(&drive);
}

/* A short wait says whether there is something to poll. */
static void waits_here(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_receiver(&drive, &raw);
  check_is(iocp_wait_here(drive.port, 0), 0);
  uint64_t start_ms = host_now_ms();
  check_is(iocp_wait_here(drive.port, IOCP_WAIT_HERE_MAX), 0);
  check(host_now_ms() - start_ms < 100);
  check_is(iocp_wait_here(drive.port, IOCP_WAIT_HERE_MAX + 1), -IOCP_EINVAL);
  check_is(iocp_wait_here(drive.port, UINT32_MAX), -IOCP_EINVAL);
  drive_raw_send(&drive, raw, 0, 0, 1);
  /* On a system where it does not wait, only a poll can say so. */
  if (!host_posts_operations())
    while (iocp_wait_here(drive.port, IOCP_WAIT_HERE_MAX) == 0) continue;
  drive_until(&drive, socket->received == 1);
  /* A wake-up is for iocp_wait(), and stays. */
  check_is(iocp_wake(drive.port), 0);
  check_is(iocp_wait_here(drive.port, 1), 0);
  check_is(iocp_wait(drive.port, -1), 1);
  raw_close(raw);
  drive_finish(&drive);
}

#ifndef _WIN32
static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The timer that an earlier wait has armed does not end a later one at once. */
static void waits_here_for_half(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  for (uint32_t i = 0; i < 40; i++) {
    drive_receive(socket, 1);
    /* Until then there is something to poll. */
    while (drive_poll(&drive) > 0) continue;
    drive_raw_send(&drive, raw, 0, i, 1);
    while (iocp_wait_here(drive.port, IOCP_WAIT_HERE_MAX) == 0) continue;
    drive_until(&drive, socket->received == i + 1);
    int64_t start_us = now_us();
    while (now_us() - start_us < i * IOCP_WAIT_HERE_MAX / 40) continue;
    start_us = now_us();
    check_is(iocp_wait_here(drive.port, IOCP_WAIT_HERE_MAX), 0);
    check(now_us() - start_us >= IOCP_WAIT_HERE_MAX / 2);
  }
  raw_close(raw);
  drive_finish(&drive);
}
#endif

/* What comes after a short wait in vain is not missed by the poll after it,
 * which a wait of another kind has ended. */
static void waits_here_in_vain(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_receiver(&drive, &raw);
  for (uint32_t i = 0; i < 10; i++) {
    check_is(iocp_wait_here(drive.port, i % 2 == 0 ? 0 : 100), 0);
    drive_raw_send(&drive, raw, 0, i, 1);
    check_is(iocp_wait(drive.port, DRIVE_DEADLINE_MS), 1);
    /* On Windows it may be delivered by a later poll. */
    drive_poll(&drive);
    if (!host_posts_operations()) check_is(socket->received, i + 1);
    drive_until(&drive, socket->received == i + 1);
    while (drive_poll(&drive) > 0) continue;
  }
  raw_close(raw);
  drive_finish(&drive);
}

struct waker {
  int32_t port;
  uint32_t delay_ms;
  uint32_t count;
  atomic_bool stops;
  atomic_uint done;
};

static void waker_main(void* argument) {
  struct waker* waker = argument;
  host_sleep_ms(waker->delay_ms);
  for (uint32_t i = 0; i < waker->count; i++) {
    check_is(iocp_wake(waker->port), 0);
    if (atomic_load(&waker->stops)) break;
  }
  atomic_fetch_add(&waker->done, 1);
}

static void wake_comes_during(void) {
  struct drive drive;
  drive_open(&drive);
  for (int i = 0; i < 5; i++) {
    struct waker waker = {.port = drive.port, .delay_ms = 20, .count = 1};
    struct host_thread* thread = host_thread_start(waker_main, &waker);
    check_is(iocp_wait(drive.port, -1), 1);
    host_thread_join(thread);
    check_is(drive_poll(&drive), 0);
    check_is(iocp_wait(drive.port, 0), 0);
  }
  drive_finish(&drive);
}

static void many_wakers(void) {
  enum { WAKERS = 8 };
  struct drive drive;
  struct waker waker = {.count = 3000};
  struct host_thread* threads[WAKERS];
  drive_open(&drive);
  waker.port = drive.port;
  for (int i = 0; i < WAKERS; i++)
    threads[i] = host_thread_start(waker_main, &waker);
  while (atomic_load(&waker.done) < WAKERS) {
    check(iocp_wait(drive.port, 100) >= 0);
    check_is(drive_poll(&drive), 0);
  }
  for (int i = 0; i < WAKERS; i++) host_thread_join(threads[i]);
  /* They do not accumulate: after a few polls there are none. */
  for (int i = 0; i < 3; i++) {
    iocp_wait(drive.port, 0);
    drive_drain(&drive);
  }
  check_is(iocp_wait(drive.port, 0), 0);
  drive_finish(&drive);
}

/* Each wake-up is answered by a wait that ends, a thousand times: if one were
 * lost, both threads would wait for ever. */
struct ping {
  int32_t ports[2];
  atomic_int turn;
  atomic_uint rounds;
};

#define PING_ROUNDS 2000

static void ping_side(struct drive* drive, struct ping* ping, int side) {
  uint8_t events[sizeof(struct iocp_header) + sizeof(struct iocp_record)];
  (void)drive;
  for (int i = 0; i < PING_ROUNDS; i++) {
    while (atomic_load(&ping->turn) != side) {
      check_is(iocp_wait(ping->ports[side], -1), 1);
      check_is(iocp_poll(ping->ports[side], events, 1, NULL, 0, 0), 0);
    }
    atomic_store(&ping->turn, 1 - side);
    check_is(iocp_wake(ping->ports[1 - side]), 0);
  }
}

static void ping_main(void* argument) {
  struct ping* ping = argument;
  ping->ports[1] = iocp_new(0);
  check(ping->ports[1] >= 0);
  atomic_store(&ping->turn, 0);
  check_is(iocp_wake(ping->ports[0]), 0);
  ping_side(NULL, ping, 1);
  /* The other thread still wakes this port at its end. */
  while (atomic_load(&ping->rounds) == 0) host_sleep_ms(1);
  check_is(iocp_delete(ping->ports[1]), 0);
}

static void no_wake_is_lost(void) {
  struct ping ping = {.turn = -1};
  ping.ports[0] = iocp_new(0);
  check(ping.ports[0] >= 0);
  struct host_thread* thread = host_thread_start(ping_main, &ping);
  ping_side(NULL, &ping, 0);
  atomic_store(&ping.rounds, 1);
  host_thread_join(thread);
  check_is(iocp_delete(ping.ports[0]), 0);
}

/* What there is to poll stays there, however often the port is waited for. */
static void wait_dequeues_nothing(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_receive(socket, 100);
  socket->receive_seed = 7;
  drive_drain(&drive);
  drive_for(&drive, 20);
  check_is(iocp_wait(drive.port, 0), 0);
  uint8_t byte;
  pattern_fill(&byte, 1, 7, 0);
  check_is(raw_send(raw, &byte, 1), 1);
  for (int i = 0; i < 5; i++)
    check_is(iocp_wait(drive.port, DRIVE_DEADLINE_MS), 1);
  drive_until(&drive, socket->received == 1);
  /* Also what the library itself has queued. */
  drive_shutdown(socket);
  for (int i = 0; i < 5; i++) check_is(iocp_wait(drive.port, -1), 1);
  drive_until(&drive, socket->shut_result == 0);
  /* And what did not fit into the record array. */
  drive_close(socket, IOCP_RESET, 0);
  check_is(iocp_wait(drive.port, -1), 1);
  raw_close(raw);
  drive_finish(&drive);
}

struct waiter {
  int32_t port;
  int32_t timeout_ms;
  atomic_int result;
  atomic_bool has_begun;
};

static void waiter_main(void* argument) {
  struct waiter* waiter = argument;
  atomic_store(&waiter->has_begun, true);
  atomic_store(&waiter->result, iocp_wait(waiter->port, waiter->timeout_ms));
}

/* A thread waits for the port of another one; data ends the wait, and so does a
 * wake-up. */
static void waits_for_another_thread(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  drive_raw_receiver(&drive, &raw);
  for (int i = 0; i < 10; i++) {
    struct waiter waiter = {
        .port = drive.port, .timeout_ms = DRIVE_DEADLINE_MS, .result = -1};
    struct host_thread* thread = host_thread_start(waiter_main, &waiter);
    if (i % 2 == 0) host_sleep_ms(10);
    if (i % 4 < 2)
      check_is(raw_send(raw, "x", 1), 1);
    else
      check_is(iocp_wake(drive.port), 0);
    host_thread_join(thread);
    check_is(atomic_load(&waiter.result), 1);
    drive_for(&drive, 10);
  }
  raw_close(raw);
  drive_finish(&drive);
}

/* The port is deleted while another thread waits, and the wait returns that. */
static void port_is_deleted_meanwhile(void) {
  for (int i = 0; i < 100; i++) {
    struct waiter waiter = {.timeout_ms = -1, .result = 5};
    waiter.port = iocp_new(0);
    check(waiter.port >= 0);
    struct host_thread* thread = host_thread_start(waiter_main, &waiter);
    while (!atomic_load(&waiter.has_begun)) host_sleep_ms(0);
    if (i % 10 == 0) host_sleep_ms(20);
    check_is(iocp_delete(waiter.port), 0);
    host_thread_join(thread);
    check_is(atomic_load(&waiter.result), -IOCP_EBADF);
  }
}

/* Threads wake a port while it is deleted and others are made. */
static void waking_main(void* argument) {
  struct waker* waker = argument;
  while (!atomic_load(&waker->stops)) {
    int32_t result = iocp_wake((int32_t)atomic_load(&waker->done));
    check(result == 0 || result == -IOCP_EBADF);
    result = iocp_wait((int32_t)atomic_load(&waker->done), 0);
    check(result == 0 || result == 1 || result == -IOCP_EBADF);
  }
}

static void wakes_race_with_deletes(void) {
  struct waker waker = {.stops = false};
  struct host_thread* threads[3];
  for (int i = 0; i < 3; i++)
    threads[i] = host_thread_start(waking_main, &waker);
  for (int i = 0; i < 1000; i++) {
    int32_t port = iocp_new(0);
    check(port >= 0);
    atomic_store(&waker.done, (unsigned)port);
    check(iocp_wake(port) == 0);
    check_is(iocp_delete(port), 0);
    check_is(iocp_wake(port), -IOCP_EBADF);
  }
  atomic_store(&waker.stops, true);
  for (int i = 0; i < 3; i++) host_thread_join(threads[i]);
}

/* The header has the time until the library's next deadline, for the user's
 * wait. */
static void deadline_is_reported(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_drain(&drive);
  check_is(drive.header.timeout_ms, -1);
  drive_close(socket, IOCP_GRACEFUL, 400);
  uint64_t until_ms = host_now_ms() + DRIVE_DEADLINE_MS;
  int turns = 0;
  while (!socket->is_closed) {
    drive_poll(&drive);
    if (socket->is_closed) break;
    /* It has none if only the last event of the kernel is missing. */
    check(drive.header.timeout_ms <= 5000);
    iocp_wait(drive.port, drive.header.timeout_ms);
    turns++;
    check(host_now_ms() < until_ms);
  }
  /* The user waits, and does not spin. */
  check(turns < 200);
  check_is(drive.header.timeout_ms, -1);
  raw_close(raw);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(times_out),
          TEST_CASE(waits_here),
          TEST_CASE(waits_here_in_vain),
#ifndef _WIN32
          TEST_CASE(waits_here_for_half),
#endif
          TEST_CASE(wake_comes_before),
          TEST_CASE(wake_comes_during),
          TEST_CASE(many_wakers),
          TEST_CASE(no_wake_is_lost),
          TEST_CASE(wait_dequeues_nothing),
          TEST_CASE(waits_for_another_thread),
          TEST_CASE(port_is_deleted_meanwhile),
          TEST_CASE(wakes_race_with_deletes),
          TEST_CASE(deadline_is_reported))
