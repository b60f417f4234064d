/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include <stdlib.h>
#include <windows.h>

#include "fiber.h"
#include "habits.h"
#include "kernel.h"
#include "list.h"
#include "object.h"
#include "report.h"
#include "sanitizer.h"
#include "tape.h"

struct event {
  struct object object;
  bool is_set;
};

struct thread_object {
  struct object object;
  struct fiber* fiber;
  LPTHREAD_START_ROUTINE run;
  void* argument;
};

/* A wait of the thread pool for an event, with its callback. */
struct wait {
  struct object object;
  struct fiber* fiber;
  struct event* event;
  WAITORTIMERCALLBACK run;
  void* context;
  bool is_unregistered;
};

enum once_state { ONCE_NEW, ONCE_RUNS, ONCE_DONE };

static struct {
  /* the ones that have run, reset at the end of the schedule */
  INIT_ONCE* onces;
  PFLS_CALLBACK_FUNCTION callbacks[FIBER_LOCALS];
  uint32_t callback_count;
  bool has_exited;
} threads;

void thread_open_all(void) {
  while (threads.onces != NULL) {
    INIT_ONCE* once = threads.onces;
    threads.onces = once->next;
    *once = (INIT_ONCE)INIT_ONCE_STATIC_INIT;
  }
  threads.callback_count = 0;
  threads.has_exited = false;
}

static uint64_t thread__until(DWORD timeout_ms) {
  return timeout_ms == INFINITE ? FIBER_FOREVER : fiber_now_ms() + timeout_ms;
}

/* ---- events */

struct event* thread_event(uintptr_t handle) {
  struct object* object = object_find(handle, OBJECT_EVENT, "hEvent");
  RULE("the event of an operation is open", object != NULL);
  return LIST_ENTRY(object, struct event, object);
}

void thread_event_set(struct event* event) {
  sanitizer_release(event);
  event->is_set = true;
}

HANDLE WINAPI CreateEventW(void* security,
                           BOOL manual_reset,
                           BOOL initial,
                           const WCHAR* name) {
  kernel_enter();
  RULE("an event has no name, and is set until it is reset",
       security == NULL && manual_reset && !initial && name == NULL);
  if (habits_fault(habits.handle_faults)) {
    kernel_fail(ERROR_TOO_MANY_OPEN_FILES);
    return NULL;
  }
  struct event* event = calloc(1, sizeof *event);
  if (event == NULL) abort();
  if (object_enter(&event->object, OBJECT_EVENT) == 0) abort();
  kernel_succeed();
  return (HANDLE)event->object.handle;
}

bool thread_close(uintptr_t handle) {
  struct object* object = object_find(handle, OBJECT_EVENT, "CloseHandle");
  if (object == NULL)
    object = object_find(handle, OBJECT_THREAD, "CloseHandle");
  if (object == NULL) object = object_find(handle, OBJECT_TOKEN, "CloseHandle");
  if (object == NULL) return false;
  object_release(object);
  if (object->kind == OBJECT_EVENT)
    free(LIST_ENTRY(object, struct event, object));
  else if (object->kind == OBJECT_TOKEN)
    free(object);
  else
    free(LIST_ENTRY(object, struct thread_object, object));
  return true;
}

/* ---- threads */

static void thread__main(void* argument) {
  struct thread_object* thread = argument;
  thread->run(thread->argument);
}

HANDLE WINAPI CreateThread(void* security,
                           size_t stack,
                           LPTHREAD_START_ROUTINE run,
                           void* argument,
                           DWORD flags,
                           DWORD* id) {
  (void)security;
  (void)stack;
  (void)flags;
  (void)id;
  kernel_enter();
  if (habits_fault(habits.memory_faults)) {
    kernel_fail(ERROR_NOT_ENOUGH_MEMORY);
    return NULL;
  }
  struct thread_object* thread = calloc(1, sizeof *thread);
  if (thread == NULL) abort();
  thread->run = run;
  thread->argument = argument;
  if (object_enter(&thread->object, OBJECT_THREAD) == 0) abort();
  thread->fiber = fiber_start(thread__main, thread);
  kernel_succeed();
  return (HANDLE)thread->object.handle;
}

static bool thread__has_ended(void* argument) {
  return fiber_has_ended(((struct thread_object*)argument)->fiber);
}

DWORD WINAPI WaitForSingleObject(HANDLE handle, DWORD timeout_ms) {
  kernel_enter();
  struct object* object =
      object_find((uintptr_t)handle, OBJECT_THREAD, "WaitForSingleObject");
  RULE("a thread waits for a thread", object != NULL);
  RULE("the end of the process waits for no thread", !threads.has_exited);
  struct thread_object* thread =
      LIST_ENTRY(object, struct thread_object, object);
  if (!fiber_wait(thread__has_ended, thread, thread__until(timeout_ms)))
    return WAIT_TIMEOUT;
  sanitizer_acquire(thread->fiber);
  return WAIT_OBJECT_0;
}

void thread_ended(void** locals) {
  for (uint32_t i = 0; i < threads.callback_count; i++) {
    void* data = locals[i];
    locals[i] = NULL;
    if (data != NULL) threads.callbacks[i](data);
  }
}

void thread_exit_process(void) {
  fiber_terminate_others();
  threads.has_exited = true;
  thread_ended(fiber_local(0));
}

bool thread_has_exited(void) { return threads.has_exited; }

BOOLEAN NTAPI thread_is_exiting(void) { return threads.has_exited; }

DWORD WINAPI FlsAlloc(PFLS_CALLBACK_FUNCTION callback) {
  kernel_enter();
  if (habits_fault(habits.handle_faults)) return FLS_OUT_OF_INDEXES;
  threads.callbacks[threads.callback_count] = callback;
  return threads.callback_count++;
}

BOOL WINAPI FlsSetValue(DWORD index, void* data) {
  RULE("local storage is allocated before it is used",
       index < threads.callback_count);
  *fiber_local(index) = data;
  return TRUE;
}

/* ---- waits of the thread pool */

static bool thread__wait_ends(void* argument) {
  const struct wait* wait = argument;
  return wait->is_unregistered || wait->event->is_set;
}

static void thread__wait_main(void* argument) {
  struct wait* wait = argument;
  fiber_wait(thread__wait_ends, wait, FIBER_FOREVER);
  if (wait->event->is_set) {
    sanitizer_acquire(wait->event);
    wait->run(wait->context, FALSE);
  }
}

BOOL WINAPI RegisterWaitForSingleObject(HANDLE* wait_out,
                                        HANDLE handle,
                                        WAITORTIMERCALLBACK run,
                                        void* context,
                                        ULONG timeout_ms,
                                        ULONG flags) {
  kernel_enter();
  RULE("a wait of the pool is for one time and has no timeout",
       timeout_ms == INFINITE && (flags & WT_EXECUTEONLYONCE) != 0);
  if (habits_fault(habits.memory_faults) || habits_fault(habits.pool_faults))
    return kernel_fail(ERROR_NOT_ENOUGH_MEMORY);
  struct wait* wait = calloc(1, sizeof *wait);
  if (wait == NULL) abort();
  wait->event = thread_event((uintptr_t)handle);
  wait->run = run;
  wait->context = context;
  if (object_enter(&wait->object, OBJECT_WAIT) == 0) abort();
  *wait_out = (HANDLE)wait->object.handle;
  wait->fiber = fiber_start(thread__wait_main, wait);
  return kernel_succeed();
}

static bool thread__wait_has_ended(void* argument) {
  return fiber_has_ended(((struct wait*)argument)->fiber);
}

BOOL WINAPI UnregisterWaitEx(HANDLE handle, HANDLE event) {
  kernel_enter();
  struct object* object =
      object_find((uintptr_t)handle, OBJECT_WAIT, "UnregisterWaitEx");
  RULE("a wait that is unregistered is registered", object != NULL);
  /* Otherwise the callback may use memory that has been freed. */
  RULE("unregistering a wait waits for its callback",
       event == INVALID_HANDLE_VALUE);
  RULE("the end of the process waits for no thread", !threads.has_exited);
  struct wait* wait = LIST_ENTRY(object, struct wait, object);
  wait->is_unregistered = true;
  fiber_wait(thread__wait_has_ended, wait, FIBER_FOREVER);
  fiber_free(wait->fiber);
  object_release(&wait->object);
  free(wait);
  return kernel_succeed();
}

bool thread_sweep(struct object* object) {
  if (object->kind != OBJECT_WAIT) return thread_close(object->handle);
  object_release(object);
  free(LIST_ENTRY(object, struct wait, object));
  return true;
}

/* ---- locks */

static bool thread__is_free(void* argument) {
  return ((SRWLOCK*)argument)->owner == 0;
}

void WINAPI InitializeSRWLock(SRWLOCK* lock) { lock->owner = 0; }

void WINAPI AcquireSRWLockExclusive(SRWLOCK* lock) {
  fiber_preempt();
  RULE("a lock is not entered twice", lock->owner != fiber_number());
  while (lock->owner != 0) fiber_wait(thread__is_free, lock, FIBER_FOREVER);
  lock->owner = fiber_number();
  sanitizer_acquire(lock);
}

BOOLEAN WINAPI TryAcquireSRWLockExclusive(SRWLOCK* lock) {
  fiber_preempt();
  if (lock->owner != 0) return FALSE;
  lock->owner = fiber_number();
  sanitizer_acquire(lock);
  return TRUE;
}

void WINAPI ReleaseSRWLockExclusive(SRWLOCK* lock) {
  RULE("a lock is released by the thread that holds it",
       lock->owner == fiber_number());
  sanitizer_release(lock);
  lock->owner = 0;
  fiber_preempt();
}

void WINAPI InitializeConditionVariable(CONDITION_VARIABLE* condition) {
  condition->wakes = 0;
}

struct thread__sleep {
  const CONDITION_VARIABLE* condition;
  uint64_t wakes;
};

static bool thread__was_woken(void* argument) {
  const struct thread__sleep* sleep = argument;
  return sleep->condition->wakes != sleep->wakes;
}

BOOL WINAPI SleepConditionVariableSRW(CONDITION_VARIABLE* condition,
                                      SRWLOCK* lock,
                                      DWORD timeout_ms,
                                      ULONG flags) {
  struct thread__sleep sleep = {condition, condition->wakes};
  (void)flags;
  RULE("a condition is waited for with its lock held",
       lock->owner == fiber_number());
  sanitizer_release(lock);
  lock->owner = 0;
  /* "Condition variables are subject to spurious wakeups." */
  if (!habits_fault(habits.early_timeouts) && !fiber_ends_wait())
    fiber_wait(thread__was_woken, &sleep, thread__until(timeout_ms));
  AcquireSRWLockExclusive(lock);
  return TRUE;
}

void WINAPI WakeAllConditionVariable(CONDITION_VARIABLE* condition) {
  condition->wakes++;
}

static bool thread__once_is_over(void* argument) {
  return ((INIT_ONCE*)argument)->state != ONCE_RUNS;
}

BOOL WINAPI InitOnceExecuteOnce(INIT_ONCE* once,
                                PINIT_ONCE_FN run,
                                void* parameter,
                                void** context) {
  fiber_preempt();
  while (once->state == ONCE_RUNS)
    fiber_wait(thread__once_is_over, once, FIBER_FOREVER);
  sanitizer_acquire(once);
  if (once->state == ONCE_DONE) return TRUE;
  once->state = ONCE_RUNS;
  bool is_done = run(once, parameter, context);
  sanitizer_release(once);
  once->state = is_done ? ONCE_DONE : ONCE_NEW;
  if (!is_done) return FALSE;
  once->next = threads.onces;
  threads.onces = once;
  return TRUE;
}
