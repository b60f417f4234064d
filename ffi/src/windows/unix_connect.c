/* SPDX-License-Identifier: MIT */
#include "unix_connect.h"

#include "connect.h"
#include "errors.h"
#include "handle.h"
#include "unix_address.h"
#include "winsock.h"

int32_t unix_connect(struct socket* socket) {
  struct port* port = socket->port;
  struct unix_address unnamed, address;
  socket->engine.handle = INVALID_SOCKET;
  int32_t length = unix_address_of(&socket->path->name, &address);
  if (length < 0) return port_fail(port, length, 0);
  SOCKET handle = handle_new(IOCP_UNIX);
  if (handle == INVALID_SOCKET) return handle_fail_unix(port);
  const struct engine_provider* provider =
      winsock_provider(port, IOCP_UNIX, handle);
  int32_t result;
  if (provider->connect_ex == NULL) {
    result = winsock_missing(port, provider);
    goto err1;
  }
  /* ConnectEx() requires a bound socket. */
  int unnamed_length = unix_address_unnamed(&unnamed);
  if (bind(handle, (const SOCKADDR*)(const void*)&unnamed, unnamed_length) !=
      0) {
    result = errors_fail(port, (DWORD)WSAGetLastError());
    goto err1;
  }
  result = handle_enter(socket, handle, provider->is_ifs);
  if (result < 0) goto err1;
  result = connect_start(socket,
                         provider->connect_ex,
                         (const SOCKADDR*)(const void*)&address,
                         length);
  if (result >= 0) return result;

err1:
  closesocket(handle);
  socket->engine.handle = INVALID_SOCKET;
  return result;
}
