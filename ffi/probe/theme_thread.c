/* SPDX-License-Identifier: MIT */
/* Waits of the thread pool, ends of threads, and clocks. */
#include "answer.h"
#include "experiment.h"
#include "loopback.h"
#include "number.h"

#define THREAD__CALLBACK_MS 300

/* ---- waits of the thread pool */

static volatile LONG thread__has_begun;
static volatile LONG thread__has_ended;

static void CALLBACK thread__callback(void* unused, BOOLEAN is_timeout) {
  (void)unused;
  (void)is_timeout;
  thread__has_begun = 1;
  Sleep(THREAD__CALLBACK_MS);
  thread__has_ended = 1;
}

/* A wait whose callback is running. */
static HANDLE thread__wait(void) {
  HANDLE event = CreateEventW(NULL, TRUE, TRUE, NULL);
  HANDLE wait;
  NEED(event != NULL);
  NEED(RegisterWaitForSingleObject(
      &wait, event, thread__callback, NULL, INFINITE, WT_EXECUTEONLYONCE));
  while (thread__has_begun == 0) Sleep(1);
  return wait;
}

static void thread__unregister_waits(void) {
  HANDLE wait = thread__wait();
  BOOL is_done = UnregisterWaitEx(wait, INVALID_HANDLE_VALUE);
  DWORD error = is_done ? 0 : GetLastError();
  answer(thread__has_ended != 0 ? "it waits" : "it does not wait");
  answer_detail("%s", number_error(error));
}

static void thread__unregister_now(void) {
  HANDLE wait = thread__wait();
  BOOL is_done = UnregisterWaitEx(wait, NULL);
  DWORD error = is_done ? 0 : GetLastError();
  answer(thread__has_ended != 0 ? "it waits" : "%s", number_error(error));
}

static void thread__unregister_event(void) {
  HANDLE wait = thread__wait();
  HANDLE done = CreateEventW(NULL, TRUE, FALSE, NULL);
  NEED(done != NULL);
  UnregisterWaitEx(wait, done);
  NEED(WaitForSingleObject(done, LOOPBACK_LONG_MS) == WAIT_OBJECT_0);
  answer(thread__has_ended != 0 ? "after it" : "before it");
}

static void thread__unregister_idle(void) {
  HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
  HANDLE wait;
  NEED(event != NULL);
  NEED(RegisterWaitForSingleObject(
      &wait, event, thread__callback, NULL, INFINITE, WT_EXECUTEONLYONCE));
  NEED(UnregisterWaitEx(wait, INVALID_HANDLE_VALUE));
  SetEvent(event);
  Sleep(LOOPBACK_QUIET_MS);
  answer(thread__has_begun != 0 ? "it runs" : "it does not run");
}

/* ---- the end of a thread */

static DWORD thread__index;
static volatile LONG thread__freed;

static void WINAPI thread__free(void* data) {
  if (data != NULL) thread__freed = 1;
}

static DWORD WINAPI thread__store(void* data) {
  FlsSetValue(thread__index, data);
  return 0;
}

static void thread__local(void) {
  thread__index = FlsAlloc(thread__free);
  NEED(thread__index != FLS_OUT_OF_INDEXES);
  HANDLE thread = CreateThread(NULL, 0, thread__store, &thread__index, 0, NULL);
  NEED(thread != NULL);
  WaitForSingleObject(thread, INFINITE);
  answer(thread__freed != 0 ? "it runs" : "it does not run");
}

/* ---- one-time initialization */

static INIT_ONCE thread__once = INIT_ONCE_STATIC_INIT;
static LONG thread__runs;

static BOOL CALLBACK thread__fail_first(INIT_ONCE* once,
                                        void* parameter,
                                        void** context) {
  (void)once;
  (void)parameter;
  (void)context;
  return ++thread__runs > 1;
}

static void thread__again(void) {
  InitOnceExecuteOnce(&thread__once, thread__fail_first, NULL, NULL);
  InitOnceExecuteOnce(&thread__once, thread__fail_first, NULL, NULL);
  InitOnceExecuteOnce(&thread__once, thread__fail_first, NULL, NULL);
  answer(thread__runs == 2 ? "until it succeeds" : "another time");
  answer_detail("%ld runs", thread__runs);
}

/* ---- clocks */

#define THREAD__UNITS_IN_MS 10000u
/* The most that two clocks differ which count the same. */
#define THREAD__SLACK_MS 2000

static void thread__clocks(void) {
  ULONGLONG unbiased;
  NEED(QueryUnbiasedInterruptTime(&unbiased));
  LONGLONG ahead_ms =
      (LONGLONG)(GetTickCount64() - unbiased / THREAD__UNITS_IN_MS);
  if (ahead_ms < -THREAD__SLACK_MS)
    answer("it is behind");
  else
    answer(ahead_ms > THREAD__SLACK_MS ? "it is ahead" : "it is the same");
}

const struct experiment theme_thread[] = {
    {"thread-unregister-waits",
     "UnregisterWaitEx() with INVALID_HANDLE_VALUE while the callback "
     "runs",
     "it waits",
     "it waits",
     "UnregisterWaitEx(), 'CompletionEvent'",
     thread__unregister_waits},
    {"thread-unregister-now",
     "UnregisterWaitEx() with NULL while the callback runs",
     "pending",
     "pending",
     "UnregisterWaitEx(), ERROR_IO_PENDING",
     thread__unregister_now},
    {"thread-unregister-event",
     "When UnregisterWaitEx() sets its event, while the callback runs",
     "after it",
     "after it",
     "UnregisterWaitEx(), 'CompletionEvent'",
     thread__unregister_event},
    {"thread-unregister-idle",
     "The callback of a wait that is unregistered before its event is set",
     "it does not run",
     "it does not run",
     "UnregisterWaitEx()",
     thread__unregister_idle},
    {"thread-local",
     "The callback of FlsAlloc() when a thread ends",
     "it runs",
     "it runs",
     "FlsAlloc(), 'lpCallback'",
     thread__local},
    {"thread-once",
     "A function of InitOnceExecuteOnce() that fails",
     "until it succeeds",
     "until it succeeds",
     "InitOnceExecuteOnce(), remarks",
     thread__again},
    {"thread-clocks",
     "GetTickCount64() compared with QueryUnbiasedInterruptTime(), which "
     "does not count sleep",
     "it is ahead or it is the same",
     "it is ahead or it is the same",
     "GetTickCount64(), remarks",
     thread__clocks},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
