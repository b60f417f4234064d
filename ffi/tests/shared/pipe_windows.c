/* SPDX-License-Identifier: MIT */
#if defined(_WIN32)
#include <winsock2.h>
#include <windows.h>
/* After the headers of Windows, which must come first. */
#include <stdio.h>
#include <string.h>

#include "iocp.h"
#include "pattern.h"
#include "pipe.h"

struct iocp_path pipe_path(const char* prefix) {
  static int count;
  struct iocp_path path = {.family = IOCP_PIPE};
  int length = snprintf((char*)path.bytes,
                        sizeof path.bytes,
                        "%siocp-test-%lu-%d",
                        prefix,
                        GetCurrentProcessId(),
                        count++);
  path.length = (uint16_t)length;
  return path;
}

/* ---- through the driver */

int32_t pipe_try_listen(struct drive* drive, const struct iocp_path* path) {
  return iocp_listen_path(drive->port, path, 64, 0, IOCP_MODE_DEFAULT, NULL, 0);
}

struct drive_socket* pipe_listen(struct drive* drive,
                                 const struct iocp_path* path) {
  int32_t id = pipe_try_listen(drive, path);
  check(id >= 0);
  struct drive_socket* listener = drive_add(drive, id);
  listener->is_listener = true;
  return listener;
}

struct drive_socket* pipe_connect(struct drive* drive,
                                  const struct iocp_path* path) {
  int32_t id = iocp_connect(drive->port, path, NULL);
  check(id >= 0);
  struct drive_socket* socket = drive_add(drive, id);
  socket->connect_pending = true;
  return socket;
}

struct drive_socket* pipe_accepted(struct drive_socket* listener) {
  struct drive_socket* socket = NULL;
  drive_until(listener->drive,
              (socket = drive_next_accepted(listener)) != NULL);
  return socket;
}

void pipe_pair(struct drive* drive,
               struct drive_socket** client_out,
               struct drive_socket** server_out) {
  struct iocp_path path = pipe_path("\\\\.\\pipe\\");
  struct drive_socket* listener = pipe_listen(drive, &path);
  drive_accept(listener, 1);
  struct drive_socket* client = pipe_connect(drive, &path);
  drive_until(drive, client->connect_result != DRIVE_NOTHING);
  check_is(client->connect_result, 0);
  *client_out = client;
  *server_out = pipe_accepted(listener);
  drive_close_now(listener);
  drive_forget(listener);
}

struct drive_socket* pipe_open_listener(struct drive* drive,
                                        struct iocp_path* path_out,
                                        uint32_t accepts) {
  *path_out = pipe_path("\\\\.\\pipe\\");
  drive_open(drive);
  struct drive_socket* listener = pipe_listen(drive, path_out);
  if (accepts != 0) drive_accept(listener, accepts);
  return listener;
}

void pipe_open_pair(struct drive* drive,
                    struct drive_socket** client_out,
                    struct drive_socket** server_out) {
  drive_open(drive);
  pipe_pair(drive, client_out, server_out);
}

struct drive_socket* pipe_open_client(struct drive* drive, void** plain_out) {
  struct iocp_path path = pipe_path("\\\\.\\pipe\\");
  drive_open(drive);
  *plain_out = pipe_plain_make(&path);
  struct drive_socket* client = pipe_connect(drive, &path);
  pipe_plain_accept(drive, *plain_out);
  drive_until(drive, client->connect_result == 0);
  return client;
}

/* ---- plain ends */

static void pipe__wide(const struct iocp_path* path, WCHAR wide_out[512]) {
  int count = MultiByteToWideChar(
      CP_UTF8, 0, (const char*)path->bytes, path->length, wide_out, 511);
  check(count > 0);
  wide_out[count] = 0;
}

void* pipe_plain_try_connect(const struct iocp_path* path,
                             uint32_t* native_out) {
  WCHAR name[512];
  pipe__wide(path, name);
  HANDLE pipe = CreateFileW(name,
                            GENERIC_READ | GENERIC_WRITE,
                            0,
                            NULL,
                            OPEN_EXISTING,
                            FILE_FLAG_OVERLAPPED,
                            NULL);
  *native_out = pipe == INVALID_HANDLE_VALUE ? GetLastError() : 0;
  return pipe == INVALID_HANDLE_VALUE ? NULL : pipe;
}

void* pipe_plain_connect(struct drive* drive, const struct iocp_path* path) {
  uint32_t native;
  void* pipe = NULL;
  drive_until(drive,
              (pipe = pipe_plain_try_connect(path, &native)) != NULL ||
                  native != ERROR_PIPE_BUSY);
  check_is(native, 0);
  return pipe;
}

void* pipe_plain_make(const struct iocp_path* path) {
  WCHAR name[512];
  pipe__wide(path, name);
  HANDLE pipe = CreateNamedPipeW(
      name,
      PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
      PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT,
      1,
      4096,
      4096,
      0,
      NULL);
  check(pipe != INVALID_HANDLE_VALUE);
  return pipe;
}

uint32_t pipe_plain_rights(const struct iocp_path* path,
                           uint32_t rights_out[PIPE_ENTRIES_MAX]) {
  WCHAR name[512];
  _Alignas(8) uint8_t descriptor[1000];
  DWORD size;
  BOOL is_present, is_defaulted;
  ACL* acl;
  pipe__wide(path, name);
  HANDLE pipe =
      CreateFileW(name, READ_CONTROL, 0, NULL, OPEN_EXISTING, 0, NULL);
  check(pipe != INVALID_HANDLE_VALUE);
  check(GetKernelObjectSecurity(
      pipe, DACL_SECURITY_INFORMATION, descriptor, sizeof descriptor, &size));
  check(CloseHandle(pipe));
  check(
      GetSecurityDescriptorDacl(descriptor, &is_present, &acl, &is_defaulted));
  check(is_present && acl != NULL && acl->AceCount <= PIPE_ENTRIES_MAX);
  for (DWORD i = 0; i < acl->AceCount; i++) {
    ACCESS_ALLOWED_ACE* entry;
    check(GetAce(acl, i, (void**)&entry));
    check_is(entry->Header.AceType, ACCESS_ALLOWED_ACE_TYPE);
    rights_out[i] = entry->Mask;
  }
  return acl->AceCount;
}

/* Waits for an operation that was started, with its result. Returns 0 or the
 * error. */
static uint32_t pipe__finish(struct drive* drive,
                             HANDLE pipe,
                             BOOL has_succeeded,
                             OVERLAPPED* overlapped,
                             DWORD* bytes_out) {
  DWORD native = has_succeeded ? 0 : GetLastError();
  *bytes_out = 0;
  if (native == ERROR_IO_PENDING) {
    drive_until(drive,
                WaitForSingleObject(overlapped->hEvent, 0) == WAIT_OBJECT_0);
    native = 0;
  }
  if (native == 0 && !GetOverlappedResult(pipe, overlapped, bytes_out, FALSE))
    native = GetLastError();
  CloseHandle(overlapped->hEvent);
  return native;
}

static OVERLAPPED pipe__overlapped(void) {
  return (OVERLAPPED){.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
}

void pipe_plain_accept(struct drive* drive, void* pipe) {
  OVERLAPPED overlapped = pipe__overlapped();
  DWORD bytes;
  uint32_t native = pipe__finish(
      drive, pipe, ConnectNamedPipe(pipe, &overlapped), &overlapped, &bytes);
  check(native == 0 || native == ERROR_PIPE_CONNECTED);
}

uint32_t pipe_plain_expect(struct drive* drive,
                           void* pipe,
                           uint64_t seed,
                           uint64_t position,
                           uint64_t length) {
  static uint8_t bytes[65536];
  uint64_t end = position + length;
  while (position < end) {
    OVERLAPPED overlapped = pipe__overlapped();
    DWORD size = end - position < sizeof bytes ? (DWORD)(end - position)
                                               : (DWORD)sizeof bytes;
    DWORD count;
    uint32_t native =
        pipe__finish(drive,
                     pipe,
                     ReadFile(pipe, bytes, size, NULL, &overlapped),
                     &overlapped,
                     &count);
    if (native != 0) return native;
    pattern_check(bytes, count, seed, position);
    position += count;
  }
  return 0;
}

void pipe_plain_send(struct drive* drive,
                     void* pipe,
                     uint64_t seed,
                     uint64_t position,
                     uint64_t length) {
  static uint8_t bytes[65536];
  uint64_t end = position + length;
  while (position < end) {
    OVERLAPPED overlapped = pipe__overlapped();
    DWORD size = end - position < sizeof bytes ? (DWORD)(end - position)
                                               : (DWORD)sizeof bytes;
    DWORD count;
    pattern_fill(bytes, size, seed, position);
    check_is(pipe__finish(drive,
                          pipe,
                          WriteFile(pipe, bytes, size, NULL, &overlapped),
                          &overlapped,
                          &count),
             0);
    check_is(count, size);
    position += count;
  }
}

void pipe_plain_send_nothing(struct drive* drive, void* pipe) {
  OVERLAPPED overlapped = pipe__overlapped();
  DWORD count;
  check_is(pipe__finish(drive,
                        pipe,
                        WriteFile(pipe, "", 0, NULL, &overlapped),
                        &overlapped,
                        &count),
           0);
}

uint32_t pipe_plain_end(struct drive* drive, void* pipe) {
  uint8_t byte;
  OVERLAPPED overlapped = pipe__overlapped();
  DWORD count;
  uint32_t native = pipe__finish(drive,
                                 pipe,
                                 ReadFile(pipe, &byte, 1, NULL, &overlapped),
                                 &overlapped,
                                 &count);
  check_is(count, 0);
  check(native != 0);
  return native;
}

void pipe_plain_disconnect(void* pipe) { check(DisconnectNamedPipe(pipe)); }

void pipe_plain_close(void* pipe) { check(CloseHandle(pipe)); }

#else
typedef int pipe_windows_is_not_compiled;
#endif
