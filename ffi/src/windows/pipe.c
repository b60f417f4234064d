/* SPDX-License-Identifier: MIT */
#include "pipe.h"

#include "errors.h"
#include "pipe_accept.h"
#include "receive_list.h"
#include "utf8.h"

/* ---- names */

static bool pipe__is_slash(WCHAR unit) { return unit == '\\' || unit == '/'; }

/* Returns the length of \\.\pipe\ or \\?\pipe\ in any case and with either
 * slash, which is how it may be written ("Naming Files, Paths, and
 * Namespaces"), or 0. */
static uint32_t pipe__prefix(const WCHAR* name, uint32_t length) {
  static const char word[] = "pipe";
  if (length < 9 || !pipe__is_slash(name[0]) || !pipe__is_slash(name[1]) ||
      (name[2] != '.' && name[2] != '?') || !pipe__is_slash(name[3]) ||
      !pipe__is_slash(name[8]))
    return 0;
  /* With a forward slash \\?\ is not the prefix that means "as it is". */
  for (uint32_t i = 0; i < 4 && name[2] == '?'; i++)
    if (name[i] == '/') return 0;
  for (uint32_t i = 0; i < 4; i++)
    if ((name[4 + i] | 0x20) != word[i]) return 0;
  return 9;
}

/* A part of "." or ".." would be resolved before the pipe is looked for, and
 * could lead to a device or a file. */
static bool pipe__has_dots(const WCHAR* name, uint32_t length) {
  uint32_t start = 0;
  for (uint32_t i = 0; i <= length; i++) {
    if (i != length && !pipe__is_slash(name[i])) continue;
    uint32_t size = i - start;
    if ((size == 1 || size == 2) && name[start] == '.' && name[i - 1] == '.')
      return true;
    start = i + 1;
  }
  return false;
}

int32_t pipe_name(const struct iocp_path* path,
                  WCHAR name_out[PIPE_NAME_MAX + 1]) {
  int32_t count =
      utf8_to_wide(path->bytes, path->length, name_out, PIPE_NAME_MAX);
  if (count < 0) return -IOCP_EINVAL;
  if (count > PIPE_NAME_MAX) return -IOCP_ENAMETOOLONG;
  name_out[count] = 0;
  uint32_t prefix = pipe__prefix(name_out, (uint32_t)count);
  uint32_t left = (uint32_t)count - prefix;
  if (prefix == 0 || left == 0 || pipe__has_dots(name_out + prefix, left))
    return -IOCP_EINVAL;
  return 0;
}

/* ---- handles */

HANDLE pipe_handle(const struct socket* socket) {
  return (HANDLE)socket->engine.handle;
}

DWORD pipe_associate(struct port* port,
                     HANDLE handle,
                     bool* skips_packets_out) {
  if (CreateIoCompletionPort(handle, port->engine.handle, (ULONG_PTR)port, 0) ==
      NULL)
    return GetLastError();
  /* If it fails, a packet follows each success, which is handled as well. */
  *skips_packets_out = SetFileCompletionNotificationModes(
      handle,
      FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE);
  return 0;
}

void pipe_enter(struct socket* socket, HANDLE handle, bool is_server) {
  struct engine_socket* engine = &socket->engine;
  receive_list_open(socket);
  engine->handle = (SOCKET)handle;
  engine->is_pipe_server = is_server;
  /* A write is pending until the reader has made room, so it never uses memory
   * of the caller. */
  engine->copies_sends = true;
}

bool pipe_called(BOOL has_succeeded) {
  if (has_succeeded) return true;
  switch (GetLastError()) {
    /* The first two mean too many outstanding requests (ReadFile(),
     * WriteFile()). */
    case ERROR_INVALID_USER_BUFFER:
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_NOT_ENOUGH_QUOTA:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_WORKING_SET_QUOTA:
    case ERROR_PAGEFILE_QUOTA:
    case ERROR_COMMITMENT_LIMIT:
      SetLastError(WSAENOBUFS);
      break;
    default:
      break;
  }
  return false;
}

/* ---- closing */

void pipe_close(struct socket* socket, bool reset) {
  struct engine_socket* engine = &socket->engine;
  if (engine->handle == INVALID_SOCKET) return;
  /* "Any unread data in the pipe is discarded" (DisconnectNamedPipe()), and the
   * client gets an error instead of an end. Only a server can do that. */
  if (reset && engine->is_pipe_server) DisconnectNamedPipe(pipe_handle(socket));
  /* Without it the client reads what is left before it sees the end (npfs,
   * statesup.c: when an end is closed, data that it has written stays). */
  CloseHandle(pipe_handle(socket));
  engine->handle = INVALID_SOCKET;
}

void pipe_cancel(struct socket* socket) {
  struct engine_socket* engine = &socket->engine;
  if (socket->is_listener) {
    pipe_accept_cancel_all(socket);
    return;
  }
  if (engine->handle == INVALID_SOCKET || engine_is_idle(socket)) return;
  /* This ends what is in flight too. */
  if (socket->close_reset && engine->is_pipe_server)
    DisconnectNamedPipe(pipe_handle(socket));
  /* The handle is closed later: a write that is pending when its handle is
   * closed stays pending until the client has read it (npfs, as above). */
  DWORD native = CancelIoEx(pipe_handle(socket), NULL) ? 0 : GetLastError();
  if (native == 0 || native == ERROR_NOT_FOUND) return;
  if (socket->close_detach) {
    socket->close_result = errors_of(native);
    socket->detail = (int32_t)native;
  }
  socket->close_reset = true;
  pipe_close(socket, true);
}
