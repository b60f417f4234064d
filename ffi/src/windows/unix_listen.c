/* SPDX-License-Identifier: MIT */
#include "unix_listen.h"

#include "errors.h"
#include "handle.h"
#include "unix_file.h"
#include "winsock.h"

/* Returns 0 or Winsock's error. */
static DWORD unix_listen__bind(struct socket* socket,
                               SOCKET handle,
                               const struct unix_address* address,
                               int length,
                               bool replaces) {
  const SOCKADDR* system = (const SOCKADDR*)(const void*)address;
  if (bind(handle, system, length) == 0) return 0;
  DWORD native = (DWORD)WSAGetLastError();
  /* It fails with this error for a file of any kind. */
  if (native != WSAEADDRINUSE || !replaces ||
      !unix_file_remove_stale(socket, address, length))
    return native;
  return bind(handle, system, length) == 0 ? 0 : (DWORD)WSAGetLastError();
}

/* With the lock held. */
static int32_t unix_listen__start(struct socket* socket,
                                  SOCKET handle,
                                  const struct unix_address* address,
                                  int length,
                                  bool replaces) {
  struct port* port = socket->port;
  const struct engine_provider* provider =
      winsock_provider(port, IOCP_UNIX, handle);
  if (!winsock_accepts(provider)) return winsock_missing(port, provider);
  DWORD native = unix_listen__bind(socket, handle, address, length, replaces);
  if (native != 0) return errors_fail(port, native);
  unix_file_made(socket);
  if (listen(handle, (int)socket->backlog) != 0)
    return errors_fail(port, (DWORD)WSAGetLastError());
  return handle_enter(socket, handle, provider->is_ifs);
}

int32_t unix_listen(struct socket* socket, const struct path_access* access) {
  struct port* port = socket->port;
  struct unix_address address;
  int32_t length = unix_address_of(&socket->path->name, &address);
  if (length < 0) return port_fail(port, length, 0);
  /* A file has no such permission bits. Its access is that of its folder. */
  if (access->mode != IOCP_MODE_DEFAULT)
    return port_fail(port, -IOCP_ENOTSUP, 0);
  SOCKET handle = handle_new(IOCP_UNIX);
  if (handle == INVALID_SOCKET) return handle_fail_unix(port);
  bool replaces = (access->flags & IOCP_REPLACE_STALE) != 0;
  int32_t result = unix_file_lock(socket);
  if (result >= 0)
    result = unix_listen__start(socket, handle, &address, length, replaces);
  if (result < 0) {
    closesocket(handle);
    unix_file_remove(socket);
    return result;
  }
  socket->is_listener = true;
  socket->engine.backlog_first = socket->backlog;
  list_open(&socket->engine.posted);
  list_open(&socket->engine.accepted);
  return 0;
}
