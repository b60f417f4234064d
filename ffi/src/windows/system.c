/* SPDX-License-Identifier: MIT */
#include "system.h"

#include <stdatomic.h>
#include <windows.h>

#include "memory.h"

static INIT_ONCE system__once = INIT_ONCE_STATIC_INIT;
static DWORD system__index = FLS_OUT_OF_INDEXES;
static _Atomic(void (*)(bool process_ends)) system__ended;

typedef BOOLEAN(NTAPI* system__state)(void);
static system__state system__is_shutting_down;

/* The unit of QueryUnbiasedInterruptTime() is 100 ns. */
#define SYSTEM__PER_MS 10000

/* GetTickCount64() includes the time that the machine sleeps, so after a resume
 * all deadlines would have passed before any peer could send something. This
 * clock stops meanwhile, like CLOCK_MONOTONIC on Linux, and like the waits of
 * the system since Windows 8 (SleepEx(), remarks). */
uint64_t system_now_ms(void) {
  ULONGLONG now = 0;
  QueryUnbiasedInterruptTime(&now);
  return now / SYSTEM__PER_MS;
}

thread_id system_thread(void) { return GetCurrentThreadId(); }

/* Runs when a thread ends, and also when a fiber is deleted: then the thread
 * continues, and its ports stay. ExitProcess() runs it too, after it has
 * terminated the other threads (opencv #20014, dotnet/runtime #91739). */
static void NTAPI system__thread_ended(void* thread) {
  if ((uintptr_t)thread != GetCurrentThreadId()) return;
  bool process_ends =
      system__is_shutting_down != NULL && system__is_shutting_down();
  atomic_load (&system__ended)(process_ends);
}

/* RtlDllShutdownInProgress() is documented, but in no header. It is looked up
 * now, since at the end of the process that would need the loader lock. */
static void system__find_state(void) {
  HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  FARPROC function =
      ntdll == NULL ? NULL : GetProcAddress(ntdll, "RtlDllShutdownInProgress");
  if (function != NULL)
    memory_copy(&system__is_shutting_down, &function, sizeof function);
}

static BOOL CALLBACK system__make_index(INIT_ONCE* once,
                                        void* unused,
                                        void** context) {
  HMODULE module;
  (void)once;
  (void)unused;
  (void)context;
  /* The callback is in this library, which therefore must stay loaded. */
  if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                              GET_MODULE_HANDLE_EX_FLAG_PIN,
                          (const WCHAR*)(const void*)&system__once,
                          &module))
    return FALSE;
  system__find_state();
  system__index = FlsAlloc(system__thread_ended);
  return system__index != FLS_OUT_OF_INDEXES;
}

bool system_watch_thread(void (*ended)(bool process_ends)) {
  atomic_store(&system__ended, ended);
  /* DLL_THREAD_DETACH would run under the loader lock, where a wait for the
   * kernel is not allowed. */
  if (!InitOnceExecuteOnce(&system__once, system__make_index, NULL, NULL))
    return false;
  /* The callback runs for any value but NULL. */
  return FlsSetValue(system__index, (void*)(uintptr_t)GetCurrentThreadId());
}
