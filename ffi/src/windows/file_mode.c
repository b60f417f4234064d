/* SPDX-License-Identifier: MIT */
#include "file_mode.h"

#include "memory.h"

/* NtQueryInformationFile() with FileModeInformation, and the two flags of
 * NtCreateFile() that are checked (ntifs.h, FILE_MODE_INFORMATION). */
#define FILE_MODE__CLASS 16
#define FILE_MODE__SYNCHRONOUS_ALERT 0x10u
#define FILE_MODE__SYNCHRONOUS_NONALERT 0x20u
/* The same with FileIoCompletionNotificationInformation, since Vista (ntifs.h,
 * FILE_IO_COMPLETION_NOTIFICATION_INFORMATION). */
#define FILE_MODE__NOTIFICATION_CLASS 41

struct file_mode__status {
  ULONG_PTR status;
  ULONG_PTR information;
};
typedef LONG(NTAPI* file_mode__query)(
    HANDLE, struct file_mode__status*, void*, ULONG, int);

/* Returns false when the system does not report it. */
static bool file_mode__get(HANDLE file, int what, ULONG* mode_out) {
  struct file_mode__status status;
  file_mode__query query;
  HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  FARPROC function =
      ntdll == NULL ? NULL : GetProcAddress(ntdll, "NtQueryInformationFile");
  if (function == NULL) return false;
  memory_copy(&query, &function, sizeof query);
  *mode_out = 0;
  return query(file, &status, mode_out, sizeof *mode_out, what) >= 0;
}

bool file_mode_is_synchronous(HANDLE file) {
  ULONG mode;
  if (!file_mode__get(file, FILE_MODE__CLASS, &mode)) return false;
  return (mode & (FILE_MODE__SYNCHRONOUS_ALERT |
                  FILE_MODE__SYNCHRONOUS_NONALERT)) != 0;
}

int file_mode_skips_packets(HANDLE file) {
  ULONG modes;
  if (!file_mode__get(file, FILE_MODE__NOTIFICATION_CLASS, &modes)) return -1;
  return (modes & FILE_SKIP_COMPLETION_PORT_ON_SUCCESS) != 0;
}
