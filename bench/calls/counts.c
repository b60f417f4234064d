/* SPDX-License-Identifier: MIT */
/*
 * calls.dll stands between a program or a DLL and what it imports: the entries
 * that imports.js makes for each function, `lock inc` and a jump, count in a
 * file that others can read meanwhile. IOCP_CALLS_FILE names the file, 8 bytes
 * for each function; it has to be there.
 */
#include <stdint.h>
#include <string.h>
#include <windows.h>

static uint64_t nowhere[CALLS_COUNT];

/* Where the entries count. */
uint64_t* calls_counts = nowhere;

static BOOL open_counts(const wchar_t* path) {
  HANDLE file = CreateFileW(path,
                            GENERIC_READ | GENERIC_WRITE,
                            FILE_SHARE_READ | FILE_SHARE_WRITE,
                            NULL,
                            OPEN_EXISTING,
                            0,
                            NULL);
  if (file == INVALID_HANDLE_VALUE) return FALSE;
  HANDLE mapping =
      CreateFileMappingW(file, NULL, PAGE_READWRITE, 0, sizeof nowhere, NULL);
  if (mapping == NULL) return FALSE;
  uint64_t* counts =
      MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, sizeof nowhere);
  if (counts == NULL) return FALSE;
  calls_counts = counts;
  return TRUE;
}

BOOL WINAPI DllMain(HINSTANCE library, DWORD reason, void* reserved) {
  wchar_t path[MAX_PATH];
  (void)library;
  (void)reserved;
  if (reason != DLL_PROCESS_ATTACH) return TRUE;
  DWORD length = GetEnvironmentVariableW(L"IOCP_CALLS_FILE", path, MAX_PATH);
  return length > 0 && length < MAX_PATH && open_counts(path);
}

/* What Wine is known by is hidden when IOCP_CALLS_HIDES_WINE is there, so that
 * what is counted is what a program does on Windows. */
FARPROC WINAPI calls_get_proc_address(HMODULE library, const char* name) {
  /* A name may be a number. */
  if ((uintptr_t)name > 0xffff && strcmp(name, "wine_get_version") == 0 &&
      GetEnvironmentVariableW(L"IOCP_CALLS_HIDES_WINE", NULL, 0) > 0)
    return NULL;
  return GetProcAddress(library, name);
}
