/* SPDX-License-Identifier: MIT */
#include "system.h"

#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

static pthread_once_t system__once = PTHREAD_ONCE_INIT;
static pthread_key_t system__key;
static bool system__has_key;
static _Atomic(void (*)(bool process_ends)) system__ended;

uint64_t system_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

thread_id system_thread(void) { return pthread_self(); }

/* exit() does not run it. */
static void system__thread_ended(void* unused) {
  (void)unused;
  atomic_load (&system__ended)(false);
}

static void system__make_key(void) {
  system__has_key = pthread_key_create(&system__key, system__thread_ended) == 0;
}

bool system_watch_thread(void (*ended)(bool process_ends)) {
  atomic_store(&system__ended, ended);
  pthread_once(&system__once, system__make_key);
  /* The destructor runs for any value but NULL. */
  return system__has_key && pthread_setspecific(system__key, &system__key) == 0;
}
