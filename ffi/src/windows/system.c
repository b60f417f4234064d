/* SPDX-License-Identifier: MIT */
#include "system.h"

#include <windows.h>

static INIT_ONCE system__once = INIT_ONCE_STATIC_INIT;
static DWORD system__index = FLS_OUT_OF_INDEXES;

/* What QueryUnbiasedInterruptTime() counts in. */
#define SYSTEM__PER_MS 10000

/* GetTickCount64() counts the time that the machine sleeps, so after a resume
 * all deadlines would have passed at once, before any peer had the time to say
 * a word. This clock stops meanwhile, as CLOCK_MONOTONIC does on Linux, and as
 * the waits of the system do since Windows 8 (SleepEx(), remarks). */
uint64_t system_now_ms(void) {
  ULONGLONG now = 0;
  QueryUnbiasedInterruptTime(&now);
  return now / SYSTEM__PER_MS;
}

thread_id system_thread(void) { return GetCurrentThreadId(); }

/* Runs when a thread ends, and for a fiber that is deleted: then the ports of
 * its thread stay, as that thread goes on. */
static void NTAPI system__thread_ended(void* thread) {
  if ((uintptr_t)thread == GetCurrentThreadId()) port_thread_ended();
}

static BOOL CALLBACK system__make_index(INIT_ONCE* once,
                                        void* unused,
                                        void** context) {
  HMODULE module;
  (void)once;
  (void)unused;
  (void)context;
  /* The callback is in this library, so it must not be unloaded any more. */
  if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                              GET_MODULE_HANDLE_EX_FLAG_PIN,
                          (const WCHAR*)(const void*)&system__once,
                          &module))
    return FALSE;
  system__index = FlsAlloc(system__thread_ended);
  return system__index != FLS_OUT_OF_INDEXES;
}

bool system_watch_thread(void) {
  /* Thread callbacks of the loader (DLL_THREAD_DETACH) would run under its
   * lock, where a wait for the kernel is not allowed. */
  if (!InitOnceExecuteOnce(&system__once, system__make_index, NULL, NULL))
    return false;
  /* The callback runs for any value but NULL. */
  return FlsSetValue(system__index, (void*)(uintptr_t)GetCurrentThreadId());
}
