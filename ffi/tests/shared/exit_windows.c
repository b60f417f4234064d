/* SPDX-License-Identifier: MIT */
#include "exit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include "check.h"

/* Far more than an exit takes, and less than the watchdog allows. */
#define EXIT__LIMIT_MS 60000

int32_t exit_code_of(const char* argument) {
  char path[1024], command[64];
  STARTUPINFOA startup = {.cb = sizeof startup};
  PROCESS_INFORMATION information;
  DWORD code;
  check(GetModuleFileNameA(NULL, path, sizeof path) < sizeof path);
  snprintf(command, sizeof command, "child %s", argument);
  check(CreateProcessA(
      path, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &information));
  HANDLE process = information.hProcess;
  bool has_ended =
      WaitForSingleObject(process, EXIT__LIMIT_MS) == WAIT_OBJECT_0;
  if (!has_ended) TerminateProcess(process, 1);
  check_is(WaitForSingleObject(process, INFINITE), WAIT_OBJECT_0);
  check(GetExitCodeProcess(process, &code));
  CloseHandle(information.hThread);
  CloseHandle(process);
  return has_ended ? (int32_t)code : -1;
}

/* ---- the pool */

typedef BOOL(WINAPI* exit__post)(HANDLE, DWORD, ULONG_PTR, OVERLAPPED*);

static DWORD exit__thread;
static volatile LONG exit__held;

static BOOL WINAPI exit__post_and_hold(HANDLE port,
                                       DWORD bytes,
                                       ULONG_PTR key,
                                       OVERLAPPED* overlapped) {
  BOOL is_posted = PostQueuedCompletionStatus(port, bytes, key, overlapped);
  if (GetCurrentThreadId() == exit__thread) return is_posted;
  InterlockedIncrement(&exit__held);
  Sleep(INFINITE);
  return is_posted;
}

/* The entry of the library's import table for this function. */
static void** exit__import(const char* name) {
  char* base = (char*)(void*)GetModuleHandleW(L"iocp.dll");
  check(base != NULL);
  const IMAGE_DOS_HEADER* dos = (void*)base;
  const IMAGE_NT_HEADERS* nt = (void*)(base + dos->e_lfanew);
  const IMAGE_DATA_DIRECTORY* directory =
      &nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
  const IMAGE_IMPORT_DESCRIPTOR* module =
      (void*)(base + directory->VirtualAddress);
  for (; module->Name != 0; module++) {
    const IMAGE_THUNK_DATA* names = (void*)(base + module->OriginalFirstThunk);
    IMAGE_THUNK_DATA* entries = (void*)(base + module->FirstThunk);
    for (; names->u1.AddressOfData != 0; names++, entries++) {
      if (IMAGE_SNAP_BY_ORDINAL(names->u1.Ordinal)) continue;
      const IMAGE_IMPORT_BY_NAME* import =
          (void*)(base + names->u1.AddressOfData);
      if (strcmp((const char*)import->Name, name) == 0)
        return (void**)(void*)&entries->u1.Function;
    }
  }
  return NULL;
}

void exit_hold_pool(void) {
  exit__post hold = exit__post_and_hold;
  DWORD access;
  void** entry = exit__import("PostQueuedCompletionStatus");
  check(entry != NULL);
  exit__thread = GetCurrentThreadId();
  check(VirtualProtect(entry, sizeof *entry, PAGE_READWRITE, &access));
  memcpy(entry, &hold, sizeof hold);
  check(VirtualProtect(entry, sizeof *entry, access, &access));
}

void exit_await_held(void) {
  while (InterlockedCompareExchange(&exit__held, 0, 0) == 0) Sleep(1);
}
