/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "host.h"

/* Far more than the slowest machine needs: it only ends a test that hangs. */
#define TEST__SECONDS_MAX 100

static const char* test__skip_reason;

void test_skip(const char* reason) { test__skip_reason = reason; }

static bool test__is_wanted(const char* name, int argc, char** argv) {
  if (argc < 2) return true;
  for (int i = 1; i < argc; i++)
    if (strcmp(name, argv[i]) == 0) return true;
  return false;
}

/* The system may need a moment to close a handle. */
static void test__check_handles(int32_t before) {
  uint64_t until_ms = host_now_ms() + 10000;
  int32_t allowed = before + host_handle_slack();
  while (host_handle_count() > allowed && host_now_ms() < until_ms)
    host_sleep_ms(10);
  int32_t after = host_handle_count();
  if (after <= allowed) return;
  check_is(after, before);
}

int test_main(const struct test_case* cases,
              size_t count,
              int argc,
              char** argv) {
  size_t ran = 0, skipped = 0;
  host_start();
  if (argc == 2 && strcmp(argv[1], HOST_CHILD) == 0) {
    host_sleep_ms(TEST__SECONDS_MAX * 1000);
    return 0;
  }
  /* Output before a crash must not be lost. */
  setvbuf(stdout, NULL, _IONBF, 0);
  for (size_t i = 0; i < count; i++) {
    if (!test__is_wanted(cases[i].name, argc, argv)) continue;
    int32_t handles = host_handle_count();
    uint64_t start_ms = host_now_ms();
    test__skip_reason = NULL;
    printf("%s ...", cases[i].name);
    host_watchdog(TEST__SECONDS_MAX);
    cases[i].run();
    test__check_handles(handles);
    host_watchdog(0);
    ran++;
    if (test__skip_reason != NULL) {
      skipped++;
      printf(" skipped: %s\n", test__skip_reason);
    } else {
      printf(" ok, %" PRIu64 " ms\n", host_now_ms() - start_ms);
    }
  }
  check(ran != 0);
  return skipped == ran ? 77 : 0;
}
