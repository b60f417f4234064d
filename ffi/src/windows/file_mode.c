/* SPDX-License-Identifier: MIT */
#include "file_mode.h"

#include "memory.h"

/* NtQueryInformationFile() with FileModeInformation, and the two flags of
 * NtCreateFile() that it may tell (ntifs.h, FILE_MODE_INFORMATION). */
#define FILE_MODE__CLASS 16
#define FILE_MODE__SYNCHRONOUS_ALERT 0x10u
#define FILE_MODE__SYNCHRONOUS_NONALERT 0x20u

struct file_mode__status {
  ULONG_PTR status;
  ULONG_PTR information;
};
typedef LONG(NTAPI* file_mode__query)(
    HANDLE, struct file_mode__status*, void*, ULONG, int);

bool file_mode_is_synchronous(HANDLE file) {
  struct file_mode__status status;
  file_mode__query query;
  ULONG mode = 0;
  HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  FARPROC function =
      ntdll == NULL ? NULL : GetProcAddress(ntdll, "NtQueryInformationFile");
  if (function == NULL) return false;
  memory_copy(&query, &function, sizeof query);
  if (query(file, &status, &mode, sizeof mode, FILE_MODE__CLASS) < 0)
    return false;
  return (mode & (FILE_MODE__SYNCHRONOUS_ALERT |
                  FILE_MODE__SYNCHRONOUS_NONALERT)) != 0;
}
