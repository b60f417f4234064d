/* SPDX-License-Identifier: MIT */
#include "pipe_receive.h"

#include "errors.h"
#include "pipe.h"

/* The other end was closed (ntstatus.h, whose names user-mode headers lack). */
#define PIPE_RECEIVE__CLOSING 0xC00000B1u
#define PIPE_RECEIVE__BROKEN 0xC000014Bu
/* The server has called DisconnectNamedPipe(). */
#define PIPE_RECEIVE__DISCONNECTED 0xC00000B0u

bool pipe_receive_post(struct engine_receive* receive, void* buffer) {
  return pipe_called(ReadFile(pipe_handle(receive->socket),
                              buffer,
                              receive->size,
                              NULL,
                              &receive->op.overlapped));
}

/* A disconnect is reported as a reset: it discards what was not read yet
 * (DisconnectNamedPipe()), so the bytes before it may not be all. Servers that
 * flush first, as Microsoft's examples do, cannot be told from others. */
int32_t pipe_receive_status(LONG status) {
  switch ((uint32_t)status) {
    case PIPE_RECEIVE__CLOSING:
    case PIPE_RECEIVE__BROKEN:
      return 0;
    case PIPE_RECEIVE__DISCONNECTED:
      return -IOCP_ECONNRESET;
    default:
      return errors_of_status(status);
  }
}

int32_t pipe_receive_error(DWORD native) {
  switch (native) {
    case ERROR_NO_DATA:
    case ERROR_BROKEN_PIPE:
      return 0;
    case ERROR_PIPE_NOT_CONNECTED:
      return -IOCP_ECONNRESET;
    default:
      return errors_of(native);
  }
}

int32_t pipe_receive_available(const struct socket* socket) {
  DWORD bytes = 0;
  if (socket->engine.handle == INVALID_SOCKET) return 0;
  if (pipe_called(
          PeekNamedPipe(pipe_handle(socket), NULL, 0, NULL, &bytes, NULL)))
    return bytes < INT32_MAX ? (int32_t)bytes : INT32_MAX;
  return GetLastError() == WSAENOBUFS ? -1 : 1;
}
