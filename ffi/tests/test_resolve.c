/* SPDX-License-Identifier: MIT */
/*
 * iocp_resolve() finds what the system finds, writes no more than there is room
 * for, and can be called from any thread.
 *
 * It is hard because the name has a length and no terminator, and because the
 * resolver is the system's own, with its own memory and threads.
 */
#include <string.h>

#include "iocp.h"
#include "shared/check.h"
#include "shared/host.h"
#include "shared/raw.h"
#include "shared/test.h"

#define CAPACITY 16

static int32_t resolve(const char* name, struct iocp_address* addresses) {
  return iocp_resolve(name, (uint32_t)strlen(name), addresses, CAPACITY);
}

static bool has(const struct iocp_address* addresses,
                int32_t count,
                const char* literal) {
  struct iocp_address wanted = raw_address(literal, 0);
  for (int32_t i = 0; i < count; i++)
    if (memcmp(&addresses[i], &wanted, sizeof wanted) == 0) return true;
  return false;
}

static void literals(void) {
  struct iocp_address addresses[CAPACITY];
  check_is(resolve("127.0.0.1", addresses), 1);
  check(has(addresses, 1, "127.0.0.1"));
  check_is(resolve("203.0.113.77", addresses), 1);
  check(has(addresses, 1, "203.0.113.77"));
  if (!raw_has_family(6)) return;
  check_is(resolve("::1", addresses), 1);
  check(has(addresses, 1, "::1"));
  check_is(resolve("2001:db8::77", addresses), 1);
  check(has(addresses, 1, "2001:db8::77"));
}

static void localhost(void) {
  struct iocp_address addresses[CAPACITY];
  int32_t count = resolve("localhost", addresses);
  check(count > 0 && count <= CAPACITY);
  check(has(addresses, count, "127.0.0.1") || has(addresses, count, "::1"));
  /* Each address once. */
  for (int32_t i = 0; i < count; i++)
    for (int32_t j = 0; j < i; j++)
      check(memcmp(&addresses[i], &addresses[j], sizeof addresses[0]) != 0);
}

/* Bytes after the name are ignored. */
static void name_ends_with_its_length(void) {
  struct iocp_address addresses[CAPACITY];
  check_is(iocp_resolve("127.0.0.15555", 9, addresses, CAPACITY), 1);
  check(has(addresses, 1, "127.0.0.1"));
}

static void capacity_is_respected(void) {
  struct iocp_address addresses[2];
  memset(addresses, 0xa5, sizeof addresses);
  check_is(iocp_resolve("localhost", 9, addresses, 1), 1);
  const uint8_t* behind = (const uint8_t*)&addresses[1];
  for (size_t i = 0; i < sizeof addresses[1]; i++) check_is(behind[i], 0xa5);
}

static void unknown_name(void) {
  struct iocp_address addresses[CAPACITY];
  /* Reserved, and never exists (RFC 6761). */
  check_is(resolve("no-such-host.invalid", addresses), -IOCP_ENOTFOUND);
  check_is(resolve("127.0.0.1.1", addresses), -IOCP_ENOTFOUND);
}

static void wrong_arguments(void) {
  struct iocp_address addresses[CAPACITY];
  char name[300];
  memset(name, 'a', sizeof name);
  check_is(iocp_resolve(NULL, 1, addresses, 1), -IOCP_EFAULT);
  check_is(iocp_resolve(name, 1, NULL, 1), -IOCP_EFAULT);
  check_is(iocp_resolve(name, 0, addresses, 1), -IOCP_EINVAL);
  check_is(iocp_resolve(name, 256, addresses, 1), -IOCP_EINVAL);
  check_is(iocp_resolve(name, UINT32_MAX, addresses, 1), -IOCP_EINVAL);
  check_is(iocp_resolve(name, 1, addresses, 0), -IOCP_EINVAL);
  /* Cut at the zero byte, it would be another name. */
  check_is(iocp_resolve("127.0.0.1\0x", 11, addresses, 1), -IOCP_EINVAL);
}

static void resolver_main(void* unused) {
  struct iocp_address addresses[CAPACITY];
  (void)unused;
  for (int i = 0; i < 20; i++) {
    check_is(resolve("127.0.0.1", addresses), 1);
    check(resolve("localhost", addresses) > 0);
  }
}

static void from_many_threads(void) {
  struct host_thread* threads[4];
  for (int i = 0; i < 4; i++)
    threads[i] = host_thread_start(resolver_main, NULL);
  for (int i = 0; i < 4; i++) host_thread_join(threads[i]);
}

TEST_MAIN(TEST_CASE(literals),
          TEST_CASE(localhost),
          TEST_CASE(name_ends_with_its_length),
          TEST_CASE(capacity_is_respected),
          TEST_CASE(unknown_name),
          TEST_CASE(wrong_arguments),
          TEST_CASE(from_many_threads))
