/* SPDX-License-Identifier: MIT */
#include "unix_file.h"

#include "errors.h"
#include "handle.h"
#include "memory.h"
#include "utf8.h"

/* Units of a path, in which each takes at least a byte, and of ".lock". */
#define UNIX_FILE__PATH_MAX (sizeof((struct unix_address*)0)->path + 8)
/* The reparse tag of a socket (ntifs.h, IO_REPARSE_TAG_AF_UNIX). */
#define UNIX_FILE__TAG 0x80000023u
/* For how long a socket has to refuse connections: a listener that is not of
 * this library may only have a full backlog. */
#define UNIX_FILE__REFUSALS 20
#define UNIX_FILE__PAUSE_MS 5

/* Returns false when the path is not UTF-8. */
static bool unix_file__path(const struct socket* listener,
                            const char* suffix,
                            WCHAR path_out[UNIX_FILE__PATH_MAX]) {
  const struct iocp_path* name = &listener->path->name;
  int32_t length = utf8_to_wide(
      name->bytes, name->length, path_out, UNIX_FILE__PATH_MAX - 8);
  if (length < 0) return false;
  uint32_t at = (uint32_t)length;
  while (*suffix != 0) path_out[at++] = (WCHAR)*suffix++;
  path_out[at] = 0;
  return true;
}

int32_t unix_file_lock(struct socket* listener) {
  struct port* port = listener->port;
  WCHAR path[UNIX_FILE__PATH_MAX];
  if (!unix_file__path(listener, ".lock", path))
    return port_fail(port, -IOCP_EINVAL, 0);
  HANDLE lock = CreateFileW(path,
                            GENERIC_WRITE,
                            0,
                            NULL,
                            OPEN_ALWAYS,
                            FILE_ATTRIBUTE_HIDDEN | FILE_FLAG_DELETE_ON_CLOSE,
                            NULL);
  if (lock != INVALID_HANDLE_VALUE) {
    listener->path->engine.lock = lock;
    return 0;
  }
  DWORD native = GetLastError();
  if (native == ERROR_SHARING_VIOLATION)
    return port_fail(port, -IOCP_EADDRINUSE, (int32_t)native);
  return errors_fail(port, native);
}

/* ---- the socket's file */

/* Opens the file itself, not what it stands for. Returns NULL unless it is a
 * socket. */
static HANDLE unix_file__open(const struct socket* listener,
                              BY_HANDLE_FILE_INFORMATION* information_out) {
  WCHAR path[UNIX_FILE__PATH_MAX];
  FILE_ATTRIBUTE_TAG_INFO tag;
  /* The lock has a name of the same characters. */
  unix_file__path(listener, "", path);
  HANDLE file =
      CreateFileW(path,
                  DELETE | FILE_READ_ATTRIBUTES,
                  FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                  NULL,
                  OPEN_EXISTING,
                  FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS,
                  NULL);
  if (file == INVALID_HANDLE_VALUE) return NULL;
  if (GetFileInformationByHandleEx(
          file, FileAttributeTagInfo, &tag, sizeof tag) &&
      tag.ReparseTag == UNIX_FILE__TAG &&
      GetFileInformationByHandle(file, information_out))
    return file;
  CloseHandle(file);
  return NULL;
}

/* Removes the file that is open, wherever it is by now. */
static bool unix_file__delete(HANDLE file) {
  FILE_DISPOSITION_INFO disposition = {.DeleteFile = TRUE};
  return SetFileInformationByHandle(
      file, FileDispositionInfo, &disposition, sizeof disposition);
}

/* One attempt. A socket that does not wait for an answer is used, so that a
 * listener which does not accept cannot block the caller. */
static bool unix_file__refuses_once(const struct unix_address* address,
                                    int length) {
  u_long is_non_blocking = 1;
  SOCKET probe = handle_new(IOCP_UNIX);
  if (probe == INVALID_SOCKET) return false;
  bool refuses =
      ioctlsocket(probe, (long)FIONBIO, &is_non_blocking) == 0 &&
      connect(probe, (const SOCKADDR*)(const void*)address, length) != 0 &&
      WSAGetLastError() == WSAECONNREFUSED;
  closesocket(probe);
  return refuses;
}

static bool unix_file__refuses(const struct unix_address* address, int length) {
  for (int i = 0; i < UNIX_FILE__REFUSALS; i++) {
    if (i != 0) Sleep(UNIX_FILE__PAUSE_MS);
    if (!unix_file__refuses_once(address, length)) return false;
  }
  return true;
}

bool unix_file_remove_stale(struct socket* listener,
                            const struct unix_address* address,
                            int length) {
  BY_HANDLE_FILE_INFORMATION information;
  /* Opened first, so that what is removed is what has refused. */
  HANDLE file = unix_file__open(listener, &information);
  if (file == NULL) return false;
  bool is_removed =
      unix_file__refuses(address, length) && unix_file__delete(file);
  CloseHandle(file);
  return is_removed;
}

void unix_file_made(struct socket* listener) {
  struct engine_path* engine = &listener->path->engine;
  BY_HANDLE_FILE_INFORMATION now;
  HANDLE file = unix_file__open(listener, &now);
  if (file == NULL) return;
  CloseHandle(file);
  engine->has_file = true;
  engine->volume = now.dwVolumeSerialNumber;
  engine->index_high = now.nFileIndexHigh;
  engine->index_low = now.nFileIndexLow;
}

void unix_file_remove(struct socket* listener) {
  struct engine_path* engine = &listener->path->engine;
  BY_HANDLE_FILE_INFORMATION now;
  HANDLE file = engine->has_file ? unix_file__open(listener, &now) : NULL;
  if (file != NULL) {
    if (now.dwVolumeSerialNumber == engine->volume &&
        now.nFileIndexHigh == engine->index_high &&
        now.nFileIndexLow == engine->index_low)
      unix_file__delete(file);
    CloseHandle(file);
  }
  engine->has_file = false;
  if (engine->lock != NULL) CloseHandle(engine->lock);
  engine->lock = NULL;
}
