/* SPDX-License-Identifier: MIT */
/* Listening sockets that were made elsewhere. */
#include "address.h"
#include "engine.h"
#include "errors.h"
#include "file_mode.h"
#include "handle.h"
#include "winsock.h"

/* Sets the family of the socket. Returns 0 or an error. */
static int32_t adopt_listener__family(struct socket* socket, SOCKET handle) {
  struct port* port = socket->port;
  SOCKADDR_STORAGE local;
  struct iocp_address address;
  int length = sizeof local;
  if (getsockname(handle, (SOCKADDR*)&local, &length) != 0)
    return errors_fail(port, (DWORD)WSAGetLastError());
  if (local.ss_family == AF_UNIX)
    socket->family = IOCP_UNIX;
  else if (address_from_system((SOCKADDR*)&local, length, &address))
    socket->family = (uint8_t)address.family;
  else
    return port_fail(port, -IOCP_EAFNOSUPPORT, 0);
  return 0;
}

static int32_t adopt_listener__check(struct socket* socket, SOCKET handle) {
  struct port* port = socket->port;
  int type = 0;
  int length = sizeof type;
  BOOL listens = FALSE;
  if (getsockopt(handle, SOL_SOCKET, SO_TYPE, (char*)&type, &length) != 0)
    return errors_fail(port, (DWORD)WSAGetLastError());
  if (type != SOCK_STREAM) return port_fail(port, -IOCP_EINVAL, 0);
  length = sizeof listens;
  if (getsockopt(handle, SOL_SOCKET, SO_ACCEPTCONN, (char*)&listens, &length) !=
      0)
    return errors_fail(port, (DWORD)WSAGetLastError());
  if (!listens) return port_fail(port, -IOCP_EINVAL, 0);
  return adopt_listener__family(socket, handle);
}

/* The call fails with this error for a handle that is already on a port, and
 * for one that is not overlapped. */
static int32_t adopt_listener__relay(struct socket* socket,
                                     SOCKET handle,
                                     bool is_ifs,
                                     uint32_t flags) {
  struct port* port = socket->port;
  if (port->native_error != ERROR_INVALID_PARAMETER)
    return errors_fail(port, (DWORD)port->native_error);
  if (file_mode_is_synchronous((HANDLE)handle))
    return port_fail(port, -IOCP_ENOTSUP, ERROR_INVALID_PARAMETER);
  if ((flags & IOCP_DETACHED) == 0)
    return port_fail(port, -IOCP_EEXIST, ERROR_INVALID_PARAMETER);
  socket->engine.relays = true;
  return handle_enter(socket, handle, is_ifs);
}

int32_t engine_adopt_listener(struct socket* socket,
                              double os_socket,
                              uint32_t flags) {
  struct port* port = socket->port;
  SOCKET handle;
  if (!handle_of_number(os_socket, &handle))
    return port_fail(port, -IOCP_EINVAL, 0);
  int32_t result = adopt_listener__check(socket, handle);
  if (result < 0) return result;
  int is_ifs = winsock_is_ifs(handle);
  if (is_ifs < 0) return errors_fail(port, (DWORD)WSAGetLastError());
  const struct engine_provider* provider =
      winsock_provider(port, socket->family, handle);
  if (!winsock_accepts(provider)) return winsock_missing(port, provider);
  socket->is_listener = true;
  list_open(&socket->engine.posted);
  list_open(&socket->engine.accepted);
  result = handle_enter(socket, handle, is_ifs != 0);
  if (result < 0)
    result = adopt_listener__relay(socket, handle, is_ifs != 0, flags);
  if (result < 0) return result;
  if (!socket->engine.skips_packets)
    handle_query_modes(socket, handle, is_ifs != 0);
  /* A process that has inherited the handle before still has it. */
  SetHandleInformation((HANDLE)handle, HANDLE_FLAG_INHERIT, 0);
  return 0;
}
