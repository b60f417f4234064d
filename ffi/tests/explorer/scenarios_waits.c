/* SPDX-License-Identifier: MIT */
/* iocp_wait() and iocp_wake() on other threads than the port's own. */
#include <stddef.h>

#include "report.h"
#include "scenario.h"
#include "world.h"

#define WAITS__MS 10

static struct {
  int32_t port;
  struct scenario_flag begun, ended;
  struct {
    struct iocp_header header;
    struct iocp_record records[4];
  } events;
  uint8_t slab[IOCP_SLAB_MIN] __attribute__((aligned(8)));
} waits;

static void waits__open(void) {
  scenario_open();
  waits.port = iocp_new(0);
  waits.begun.count = waits.ended.count = 0;
  scenario_begin();
}

static void waits__close(void) {
  RULE("a port is deleted", iocp_delete(waits.port) == 0);
  scenario_close();
}

static int32_t waits__poll(void) {
  return iocp_poll(
      waits.port, &waits.events, 4, waits.slab, 0, sizeof waits.slab);
}

static void waits__wait(void* unused) {
  (void)unused;
  int32_t result = iocp_wait(waits.port, -1);
  TRACE("iocp_wait(): %d", result);
  RULE("a wait that is woken reports it", result == 1);
  scenario_raise(&waits.ended);
}

static void waits__wake(void* unused) {
  (void)unused;
  int32_t result = iocp_wake(waits.port);
  TRACE("iocp_wake(): %d", result);
  RULE("a wake-up succeeds, or finds no port",
       result == 0 || result == -IOCP_EBADF);
}

/* The wake-up comes before, during or behind the check of the wait. */
static void wake(void) {
  waits__open();
  struct world_thread* waiter = world_thread_start(waits__wait, NULL);
  waits__wake(NULL);
  world_thread_join(waiter);
  waits__close();
}

/* The port's own thread polls meanwhile, and may dequeue the wake-up. */
static void wake_and_poll(void) {
  waits__open();
  struct world_thread* waiter = world_thread_start(waits__wait, NULL);
  struct world_thread* waker = world_thread_start(waits__wake, NULL);
  RULE("there is nothing to poll", waits__poll() == 0);
  RULE("there is nothing to poll", waits__poll() == 0);
  world_thread_join(waiter);
  world_thread_join(waker);
  waits__close();
}

static void waits__wait_twice(void* unused) {
  waits__wait(unused);
  waits__wait(unused);
}

/* The second wake-up follows the end of the first wait, and must not be taken
 * for a part of the first. */
static void wake_twice(void) {
  waits__open();
  struct world_thread* waiter = world_thread_start(waits__wait_twice, NULL);
  waits__wake(NULL);
  waits__poll();
  scenario_await(&waits.ended, 1);
  waits__wake(NULL);
  waits__poll();
  world_thread_join(waiter);
  waits__close();
}

static void waits__wait_for_ms(void* unused) {
  int32_t result = iocp_wait(waits.port, WAITS__MS);
  RULE("a wait ends in time or is woken", result == 0 || result == 1);
  if (result == 0) waits__wait(unused);
}

/* A wait that ends in time leaves the wake-up to the next one. */
static void wake_in_time(void) {
  waits__open();
  struct world_thread* waiter = world_thread_start(waits__wait_for_ms, NULL);
  world_pause(WAITS__MS);
  waits__wake(NULL);
  RULE("there is nothing to poll", waits__poll() == 0);
  world_thread_join(waiter);
  waits__close();
}

static void waits__wait_for_end(void* unused) {
  (void)unused;
  int32_t result = iocp_wait(waits.port, -1);
  RULE("a wait ends with its port", result == -IOCP_EBADF);
}

/* The port ends while others use it. */
static void delete_waited(void) {
  waits__open();
  struct world_thread* waiter = world_thread_start(waits__wait_for_end, NULL);
  RULE("a port is deleted", iocp_delete(waits.port) == 0);
  world_thread_join(waiter);
  scenario_close();
}

static void delete_woken(void) {
  waits__open();
  struct world_thread* first = world_thread_start(waits__wake, NULL);
  struct world_thread* second = world_thread_start(waits__wake, NULL);
  RULE("a port is deleted", iocp_delete(waits.port) == 0);
  world_thread_join(first);
  world_thread_join(second);
  scenario_close();
}

static void waits__own(void* unused) {
  (void)unused;
  waits.port = iocp_new(0);
  scenario_raise(&waits.begun);
}

/* A thread that ends deletes its ports; another one waits for them. */
static void thread_ends(void) {
  waits__open();
  RULE("a port is deleted", iocp_delete(waits.port) == 0);
  struct world_thread* owner = world_thread_start(waits__own, NULL);
  scenario_await(&waits.begun, 1);
  waits__wait_for_end(NULL);
  world_thread_join(owner);
  scenario_close();
}

/* The id of the old port is used while a new one takes its slot. */
static void slot_again(void) {
  waits__open();
  int32_t old = waits.port;
  struct world_thread* waker = world_thread_start(waits__wake, NULL);
  RULE("a port is deleted", iocp_delete(old) == 0);
  int32_t port = iocp_new(0);
  RULE("a port is made", port >= 0 && port != old);
  RULE("another port is not woken", iocp_wait(port, 0) == 0);
  world_thread_join(waker);
  waits.port = port;
  waits__close();
}

static void waits__serve(void* unused) {
  (void)unused;
  for (uint32_t i = 1; i <= 2; i++) {
    scenario_await(&waits.begun, i);
    waits__wait(NULL);
  }
}

/* As a runtime parks: a thread waits, is woken, and what it has dequeued is
 * polled by the port's own. */
static void park(void) {
  waits__open();
  struct peer_listener* host = peer_listen(PEER_ACCEPTS, 4);
  double handle = world_handle_connect(host);
  struct peer* peer = peer_accept(host);
  int32_t socket = iocp_add_socket(waits.port, handle, 0);
  RULE("a socket is added", socket >= 0);
  iocp_receive(waits.port, socket, 100);
  /* A receive is posted now. */
  RULE("there is nothing to poll", waits__poll() == 0);
  struct world_thread* waiter = world_thread_start(waits__serve, NULL);
  scenario_raise(&waits.begun);
  peer_send(peer, (const uint8_t*)"x", 1);
  scenario_deliver();
  int32_t count = waits__poll();
  if (count == 0) {
    scenario_await(&waits.ended, 1);
    count = waits__poll();
  }
  while (count == 0) {
    RULE("a wait ends when there is something", iocp_wait(waits.port, -1) == 1);
    count = waits__poll();
  }
  RULE("what has come is polled once", count == 1 && waits__poll() == 0);
  waits__wake(NULL);
  scenario_await(&waits.ended, 1);
  scenario_raise(&waits.begun);
  waits__wake(NULL);
  world_thread_join(waiter);
  peer_close(peer);
  waits__close();
}

const struct scenario scenarios_waits[] = {
    {"wake", wake, 3, 3},
    {"wake_and_poll", wake_and_poll, 3, 3},
    {"wake_twice", wake_twice, 3, 3},
    {"wake_in_time", wake_in_time, 3, 3},
    {"delete_waited", delete_waited, 3, 3},
    {"delete_woken", delete_woken, 3, 3},
    {"thread_ends", thread_ends, 3, 3},
    {"slot_again", slot_again, 3, 3},
    {"park", park, 3, 3},
    {NULL, NULL, 0, 0},
};
