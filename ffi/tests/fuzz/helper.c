/* SPDX-License-Identifier: MIT */
#include "helper.h"

#include <pthread.h>
#include <stddef.h>

#include "fuzz.h"
#include "iocp.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static void (*wanted)(void* argument); /* NULL: it is idle */
static void* wanted_argument;

static int32_t waited_port = -1;
static int32_t waited_result;

static void* helper__main(void* unused) {
  (void)unused;
  pthread_mutex_lock(&mutex);
  for (;;) {
    while (wanted == NULL) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    wanted(wanted_argument);
    pthread_mutex_lock(&mutex);
    wanted = NULL;
    pthread_cond_broadcast(&changed);
  }
  return NULL;
}

void helper_open(void) {
  static bool is_open;
  pthread_t thread;
  if (is_open) return;
  is_open = true;
  FUZZ_IS(pthread_create(&thread, NULL, helper__main, NULL), 0);
  pthread_detach(thread);
}

static void helper__begin(void (*run)(void* argument), void* argument) {
  pthread_mutex_lock(&mutex);
  wanted_argument = argument;
  wanted = run;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
}

static void helper__end(void) {
  pthread_mutex_lock(&mutex);
  while (wanted != NULL) pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
}

void helper_call(void (*run)(void* argument), void* argument) {
  helper_wake();
  helper__begin(run, argument);
  helper__end();
}

static void helper__wait(void* unused) {
  (void)unused;
  waited_result = iocp_wait(waited_port, -1);
}

void helper_wait(int32_t port) {
  FUZZ_IS(waited_port, -1);
  waited_port = port;
  helper__begin(helper__wait, NULL);
}

int32_t helper_waits_for(void) { return waited_port; }

void helper_wake(void) {
  if (waited_port == -1) return;
  /* The delete of a port has woken it already. */
  int32_t result = iocp_wake(waited_port);
  FUZZ_CHECK(result == 0 || result == -IOCP_EBADF);
  helper__end();
  FUZZ_CHECK(waited_result == 1 || waited_result == -IOCP_EBADF);
  waited_port = -1;
}

void helper_run_once(void* (*run)(void* argument), void* argument) {
  pthread_t thread;
  FUZZ_IS(pthread_create(&thread, NULL, run, argument), 0);
  FUZZ_IS(pthread_join(thread, NULL), 0);
}
