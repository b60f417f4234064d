/* SPDX-License-Identifier: MIT */
/* Opening and reading files. The handles are not overlapped: a read at an
 * offset waits for the disk (ReadFile(), "Synchronization and File Position"),
 * and TransmitFile() asks only that the socket is overlapped. */
#include "engine.h"
#include "errors.h"
#include "memory.h"
#include "utf8.h"

/* The zero-terminated path in UTF-16, which is to be freed, or NULL with the
 * error. */
static WCHAR* file__path(struct port* port,
                         const void* path,
                         uint32_t length,
                         int32_t* error_out) {
  WCHAR* wide = memory_alloc((length + 1) * sizeof *wide);
  if (wide == NULL) {
    *error_out = port_fail(port, -IOCP_ENOMEM, 0);
    return NULL;
  }
  /* No text has more units than bytes. */
  int32_t units = utf8_to_wide(path, length, wide, length);
  if (units >= 0) {
    wide[units] = 0;
    return wide;
  }
  memory_free(wide);
  *error_out = port_fail(port, -IOCP_EINVAL, 0);
  return NULL;
}

static HANDLE file__open(const WCHAR* path) {
  /* A folder is opened with the semantics of backups alone. The path may be the
   * name of a pipe, whose server must not act as this user. */
  return CreateFileW(path,
                     GENERIC_READ,
                     FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                     NULL,
                     OPEN_EXISTING,
                     FILE_FLAG_SEQUENTIAL_SCAN | FILE_FLAG_BACKUP_SEMANTICS |
                         SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
                     NULL);
}

/* Returns 0 and the size of a regular file, or an error. */
static int32_t file__check(struct port* port,
                           HANDLE handle,
                           uint64_t* size_out) {
  BY_HANDLE_FILE_INFORMATION information;
  if (GetFileType(handle) != FILE_TYPE_DISK)
    return port_fail(port, -IOCP_ESPIPE, 0);
  if (!GetFileInformationByHandle(handle, &information))
    return errors_fail(port, GetLastError());
  if ((information.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0)
    return port_fail(port, -IOCP_EISDIR, 0);
  *size_out =
      (uint64_t)information.nFileSizeHigh << 32 | information.nFileSizeLow;
  return 0;
}

int32_t engine_open_file(struct port* port,
                         const void* path,
                         uint32_t length,
                         struct engine_file* file_out,
                         uint64_t* size_out) {
  int32_t result = 0;
  WCHAR* wide = file__path(port, path, length, &result);
  if (wide == NULL) return result;
  HANDLE handle = file__open(wide);
  DWORD native = handle == INVALID_HANDLE_VALUE ? GetLastError() : 0;
  memory_free(wide);
  if (native != 0) return errors_fail(port, native);
  result = file__check(port, handle, size_out);
  if (result < 0) CloseHandle(handle);
  file_out->handle = handle;
  return result;
}

void engine_close_file(struct engine_file* file) { CloseHandle(file->handle); }

int32_t engine_read_file(struct port* port,
                         const struct engine_file* file,
                         uint64_t offset,
                         void* buffer,
                         uint32_t length) {
  uint32_t done = 0;
  while (done < length) {
    DWORD count = 0;
    OVERLAPPED at = {.Offset = (DWORD)(offset + done),
                     .OffsetHigh = (DWORD)((offset + done) >> 32)};
    if (!ReadFile(file->handle,
                  (uint8_t*)buffer + done,
                  length - done,
                  &count,
                  &at)) {
      DWORD native = GetLastError();
      /* The same section: at the end of the file. */
      if (native == ERROR_HANDLE_EOF) break;
      return errors_fail(port, native);
    }
    if (count == 0) break;
    done += count;
  }
  return (int32_t)done;
}
