/* SPDX-License-Identifier: MIT */
/*
 * A program that ends and starts again on the same thread, as JavaScript does,
 * finds nothing of its earlier run: the ports of another realm are deleted when
 * a new realm makes its first.
 *
 * It is hard because the library is not informed of the end of a realm, and
 * because ports of the same realm, of no realm and of other threads must stay.
 */
#include <stdatomic.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/every_call.h"
#include "shared/raw.h"
#include "shared/test.h"

static int32_t port_of(uint32_t realm) {
  int32_t port = iocp_new(realm);
  check(port >= 0);
  return port;
}

static void check_is_there(int32_t port) { check_is(iocp_wait(port, 0), 0); }

static void check_is_gone(int32_t port) {
  every_port_call(port, 0, -IOCP_EBADF);
  check_is(iocp_wait(port, 0), -IOCP_EBADF);
  check_is(iocp_wake(port), -IOCP_EBADF);
}

static void a_new_realm_deletes_the_former(void) {
  int32_t none = port_of(0);
  int32_t one = port_of(1), second = port_of(1);
  check_is_there(one);
  int32_t two = port_of(UINT32_MAX);
  check_is_gone(one);
  check_is_gone(second);
  check_is_there(none);
  check_is_there(two);
  /* A port without a realm deletes none. */
  int32_t later = port_of(0);
  check_is_there(two);
  int32_t third = port_of(1);
  check_is_there(third);
  check_is_gone(two);
  check_is(iocp_delete(third), 0);
  check_is(iocp_delete(none), 0);
  check_is(iocp_delete(later), 0);
}

/* The address is free, and the connections have ended, before the new port
 * exists. */
static void sockets_of_the_former_realm_are_closed(void) {
  struct iocp_address address = raw_address("127.0.0.1", 0);
  int32_t old = port_of(3);
  int32_t listener = iocp_listen(old, &address, 16, 0);
  check(listener >= 0);
  check_is(
      iocp_get_address(
          old, listener, IOCP_LOCAL, &address, sizeof(struct iocp_address)),
      sizeof(struct iocp_address));
  host_socket raw = raw_connect(&address);
  check_is(iocp_accept(old, listener, 4), 0);
  int32_t port = port_of(4);
  check_is_gone(old);
  char byte;
  int32_t result;
  while ((result = raw_receive(raw, &byte, 1)) == HOST_WOULD_BLOCK)
    host_sleep_ms(1);
  check(result <= 0);
  raw_close(raw);
  check(iocp_listen(port, &address, 16, 0) >= 0);
  check_is(iocp_delete(port), 0);
}

struct realm_thread {
  int32_t port;
  atomic_bool has_begun;
  atomic_bool may_end;
};

static void owner_main(void* argument) {
  struct realm_thread* thread = argument;
  thread->port = port_of(5);
  atomic_store(&thread->has_begun, true);
  while (!atomic_load(&thread->may_end)) host_sleep_ms(1);
  check_is(iocp_delete(thread->port), 0);
}

static void other_threads_keep_theirs(void) {
  struct realm_thread thread = {.may_end = false};
  struct host_thread* owner = host_thread_start(owner_main, &thread);
  while (!atomic_load(&thread.has_begun)) host_sleep_ms(1);
  int32_t port = port_of(6);
  check_is_there(thread.port);
  atomic_store(&thread.may_end, true);
  host_thread_join(owner);
  check_is(iocp_delete(port), 0);
}

struct realm_waiter {
  int32_t port;
  atomic_int result;
};

static void waiter_main(void* argument) {
  struct realm_waiter* waiter = argument;
  int32_t result;
  do result = iocp_wait(waiter->port, -1);
  while (result == 1);
  atomic_store(&waiter->result, result);
}

/* A thread of the runtime waits for a port of the former realm. */
static void a_parked_wait_ends(void) {
  int32_t port = port_of(7);
  for (uint32_t i = 0; i < 50; i++) {
    struct realm_waiter waiter = {.port = port};
    struct host_thread* thread = host_thread_start(waiter_main, &waiter);
    if (i % 2 == 0) host_sleep_ms(2);
    port = port_of(8 + i);
    host_thread_join(thread);
    check_is(atomic_load(&waiter.result), -IOCP_EBADF);
  }
  check_is(iocp_delete(port), 0);
}

static void restarts_leave_no_handle(void) {
  struct iocp_address any = raw_address("127.0.0.1", 0);
  int32_t handles = 0;
  int32_t port = -1;
  for (uint32_t i = 0; i < 200; i++) {
    port = port_of(100 + i);
    check(iocp_listen(port, &any, 16, 0) >= 0);
    check(iocp_group_new(port) > 0);
    if (i == 50) handles = host_handle_count();
  }
  check(host_handle_count() <= handles + host_handle_slack());
  check_is(iocp_delete(port), 0);
}

TEST_MAIN(TEST_CASE(a_new_realm_deletes_the_former),
          TEST_CASE(sockets_of_the_former_realm_are_closed),
          TEST_CASE(other_threads_keep_theirs),
          TEST_CASE(a_parked_wait_ends),
          TEST_CASE(restarts_leave_no_handle))
