/* SPDX-License-Identifier: MIT */
#include "system.h"

#include <windows.h>

static INIT_ONCE system__once = INIT_ONCE_STATIC_INIT;
static DWORD system__index = FLS_OUT_OF_INDEXES;

uint64_t system_now_ms(void) { return GetTickCount64(); }

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
