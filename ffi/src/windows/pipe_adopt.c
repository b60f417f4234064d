/* SPDX-License-Identifier: MIT */
/* Handles of pipes that other code has opened, or an earlier port. */
#include "pipe_adopt.h"

#include "errors.h"
#include "file_mode.h"
#include "handle.h"
#include "memory.h"
#include "pipe.h"
#include "utf8.h"

/* Returns 0 for an end of a pipe that is connected, and reads and writes bytes.
 */
static int32_t pipe_adopt__check(struct port* port,
                                 HANDLE handle,
                                 bool* is_server_out) {
  DWORD flags = 0;
  DWORD state = 0;
  DWORD bytes;
  /* Winsock's handles are of the same file type, and no pipes. */
  if (GetFileType(handle) != FILE_TYPE_PIPE ||
      !GetNamedPipeInfo(handle, &flags, NULL, NULL, NULL))
    return port_fail(port, -IOCP_ENOTSOCK, (int32_t)GetLastError());
  /* With messages, a read that is too short loses no bytes but fails; without
   * waiting, an operation that has nothing to do fails. Neither is a stream,
   * and changing the mode would change the handle of the caller. */
  if (!GetNamedPipeHandleStateW(handle, &state, NULL, NULL, NULL, NULL, 0))
    return errors_fail(port, GetLastError());
  if ((state & (PIPE_READMODE_MESSAGE | PIPE_NOWAIT)) != 0)
    return port_fail(port, -IOCP_ENOTSUP, 0);
  *is_server_out = (flags & PIPE_SERVER_END) != 0;
  if (pipe_called(PeekNamedPipe(handle, NULL, 0, NULL, &bytes, NULL))) return 0;
  DWORD native = GetLastError();
  /* The other end was closed, which the first read reports. */
  if (native == ERROR_BROKEN_PIPE) return 0;
  /* It may not be read, or the system could not be asked. */
  if (native == ERROR_ACCESS_DENIED || native == WSAENOBUFS)
    return errors_fail(port, native);
  return port_fail(port, -IOCP_ENOTCONN, (int32_t)native);
}

/* ---- the name */

/* FILE_NAME_INFO, with room for a long name. */
struct pipe_adopt__name {
  DWORD size;
  WCHAR text[PIPE_NAME_MAX];
};

#define PIPE_ADOPT__PREFIX "\\\\.\\pipe"
_Static_assert(sizeof PIPE_ADOPT__PREFIX + UTF8_PER_UNIT * PIPE_NAME_MAX <=
                   IOCP_PATH_MAX,
               "a path has room for every name of a pipe");

/* The system has the name without what is before it, as \\NAME. Returns 0 when
 * it does not report the name, or none; then the socket has none. */
static uint16_t pipe_adopt__read_name(HANDLE handle, uint8_t* bytes_out) {
  struct pipe_adopt__name name = {.size = 0};
  uint32_t at = sizeof PIPE_ADOPT__PREFIX - 1;
  /* It fails when the name is longer. */
  if (!GetFileInformationByHandleEx(handle, FileNameInfo, &name, sizeof name) ||
      name.text[0] != '\\')
    return 0;
  memory_copy(bytes_out, PIPE_ADOPT__PREFIX, at);
  at += utf8_from_wide(name.text, name.size / sizeof(WCHAR), bytes_out + at);
  return (uint16_t)at;
}

/* Without memory for its name the socket works all the same. */
static void pipe_adopt__name(struct socket* socket, HANDLE handle) {
  struct iocp_path name = {.family = IOCP_PIPE};
  socket->family = IOCP_PIPE;
  socket->path = NULL;
  name.length = pipe_adopt__read_name(handle, name.bytes);
  if (name.length != 0) path_set(socket, &name);
}

/* ---- the port */

/* Returns 0 or an error, with the handle unchanged. */
static int32_t pipe_adopt__associate(struct socket* socket,
                                     HANDLE handle,
                                     uint32_t flags) {
  struct port* port = socket->port;
  DWORD native = pipe_associate(port, handle, &socket->engine.skips_packets);
  if (native == 0) return 0;
  if (native != ERROR_INVALID_PARAMETER) return errors_fail(port, native);
  /* The call fails with this error for a handle that is already on a port, and
   * for one that is not overlapped. */
  if (file_mode_is_synchronous(handle))
    return port_fail(port, -IOCP_ENOTSUP, (int32_t)native);
  if ((flags & IOCP_DETACHED) == 0)
    return port_fail(port, -IOCP_EEXIST, (int32_t)native);
  socket->engine.relays = true;
  return 0;
}

int32_t pipe_adopt(struct socket* socket, HANDLE handle, uint32_t flags) {
  bool is_server = false;
  int32_t result = pipe_adopt__check(socket->port, handle, &is_server);
  if (result < 0) return result;
  result = pipe_adopt__associate(socket, handle, flags);
  if (result < 0) return result;
  pipe_adopt__name(socket, handle);
  pipe_enter(socket, handle, is_server);
  /* The mode may be set already, and cannot be cleared. */
  if (!socket->engine.skips_packets && !socket->engine.relays)
    handle_query_modes(socket, (SOCKET)handle, true);
  /* A process that has inherited the handle before still has it. */
  SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0);
  return 0;
}
