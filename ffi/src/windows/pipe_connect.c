/* SPDX-License-Identifier: MIT */
#include "pipe_connect.h"

#include "connector.h"
#include "errors.h"
#include "pipe.h"
#include "receive_list.h"

/*
 * The server may learn who the client is, but not act as the client, which it
 * could by default (ImpersonateNamedPipeClient(); "Impersonation Levels").
 * SECURITY_ANONYMOUS would hide the user as well, and so fail with every server
 * that checks its clients.
 */
#define PIPE_CONNECT__FLAGS \
  (FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION)

static int32_t pipe_connect__enter(struct socket* socket, HANDLE handle) {
  DWORD native =
      pipe_associate(socket->port, handle, &socket->engine.skips_packets);
  if (native != 0) return errors_fail(socket->port, native);
  pipe_enter(socket, handle, false);
  return 0;
}

int32_t pipe_connect(struct socket* socket) {
  struct port* port = socket->port;
  WCHAR name[PIPE_NAME_MAX + 1];
  socket->engine.handle = INVALID_SOCKET;
  /* It can be asked for its counters while it is tried again. */
  receive_list_open(socket);
  int32_t result = pipe_name(&socket->path->name, name);
  if (result < 0) return port_fail(port, result, 0);
  /* It does not wait, and the handle is not inherited. */
  HANDLE handle = CreateFileW(name,
                              GENERIC_READ | GENERIC_WRITE,
                              0,
                              NULL,
                              OPEN_EXISTING,
                              PIPE_CONNECT__FLAGS,
                              NULL);
  if (handle == INVALID_HANDLE_VALUE) {
    DWORD native = GetLastError();
    /* Each instance has a client. WaitNamedPipe() would block. */
    if (native == ERROR_PIPE_BUSY) return ENGINE_WOULD_BLOCK;
    return errors_fail(port, native);
  }
  result = pipe_connect__enter(socket, handle);
  if (result < 0) {
    CloseHandle(handle);
    return result;
  }
  connector_done(socket, 0, 0);
  return 0;
}
