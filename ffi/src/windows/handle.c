/* SPDX-License-Identifier: MIT */
#include "handle.h"

#include <ws2tcpip.h>

#include "accept.h"
#include "address.h"
#include "completion_port.h"
#include "errors.h"
#include "receive.h"
#include "winsock.h"

/* Whole numbers up to this are exact in a double. */
#define HANDLE__NUMBER_MAX 9007199254740992.0

SOCKET handle_new(unsigned family) {
  /* A handle that a child process inherits keeps the connection or the address
   * alive, and closing ours would not end what is in flight (libuv #4810). */
  return WSASocketW(family == 6 ? AF_INET6 : AF_INET,
                    SOCK_STREAM,
                    IPPROTO_TCP,
                    NULL,
                    0,
                    WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
}

int32_t handle_enter(struct socket* socket, SOCKET handle) {
  struct port* port = socket->port;
  const struct engine_provider* provider =
      winsock_provider(port, socket->family, handle);
  u_long is_non_blocking = 1;
  /* The key tells our packets from those of a handle that somebody else once
   * associated; the socket's own value would not do, as it is used again as
   * soon as it is closed. */
  if (CreateIoCompletionPort(
          (HANDLE)handle, port->engine.handle, (ULONG_PTR)port, 0) == NULL)
    return errors_fail(port, GetLastError());
  if (ioctlsocket(handle, (long)FIONBIO, &is_non_blocking) != 0)
    return errors_fail(port, (DWORD)WSAGetLastError());
  /* Without it a packet follows each success, which works just as well. */
  socket->engine.skips_packets =
      provider->is_ifs &&
      SetFileCompletionNotificationModes(
          (HANDLE)handle,
          FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE);
  socket->engine.handle = handle;
  return 0;
}

static bool handle__of_number(double number, SOCKET* handle_out) {
  if (!(number >= 0 && number < HANDLE__NUMBER_MAX)) return false;
  *handle_out = (SOCKET)number;
  return (double)*handle_out == number;
}

int32_t engine_adopt(struct socket* socket, double os_socket) {
  struct port* port = socket->port;
  SOCKET handle;
  int type = 0;
  int length = sizeof type;
  SOCKADDR_STORAGE peer;
  if (!handle__of_number(os_socket, &handle))
    return port_fail(port, -IOCP_EINVAL, 0);
  if (getsockopt(handle, SOL_SOCKET, SO_TYPE, (char*)&type, &length) != 0)
    return errors_fail(port, (DWORD)WSAGetLastError());
  length = sizeof peer;
  if (type != SOCK_STREAM ||
      getpeername(handle, (SOCKADDR*)&peer, &length) != 0)
    return port_fail(
        port, -IOCP_ENOTCONN, type == SOCK_STREAM ? WSAGetLastError() : 0);
  if (!address_from_system((SOCKADDR*)&peer, length, &socket->peer))
    return port_fail(port, -IOCP_ENOTCONN, 0);
  socket->family = (uint8_t)socket->peer.family;
  int32_t result = handle_enter(socket, handle);
  /* "It is on a port already" has this number. */
  if (result == -IOCP_EINVAL && port->native_error == ERROR_INVALID_PARAMETER)
    return port_fail(port, -IOCP_EEXIST, ERROR_INVALID_PARAMETER);
  if (result < 0) return result;
  /* As good as it gets: another process may have it already. */
  SetHandleInformation((HANDLE)handle, HANDLE_FLAG_INHERIT, 0);
  /* Another library may have layered itself over this one socket. */
  if (socket->engine.skips_packets && !winsock_is_ifs(handle))
    socket->engine.skips_packets = false;
  return 0;
}

void handle_set_reset(SOCKET handle) {
  LINGER linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(
      handle, SOL_SOCKET, SO_LINGER, (const char*)&linger, sizeof linger);
}

static void handle__close(struct engine_socket* engine, bool reset) {
  if (engine->handle == INVALID_SOCKET) return;
  if (reset) handle_set_reset(engine->handle);
  /* Never with a linger time: that blocks, or fails where it must not block. */
  closesocket(engine->handle);
  engine->handle = INVALID_SOCKET;
}

bool engine_is_idle(const struct socket* socket) {
  const struct engine_socket* engine = &socket->engine;
  return engine->accepts_posted == 0 && !engine->in.in_flight &&
         !engine->out.in_flight;
}

void engine_cancel(struct socket* socket) {
  struct engine_socket* engine = &socket->engine;
  completion_port_forget(socket);
  if (socket->is_listener) {
    accept_forget(socket);
    handle__close(engine, false);
    return;
  }
  if (engine_is_idle(socket)) return;
  /* Every packet still comes. ERROR_NOT_FOUND says that it is in the queue
   * already. */
  bool was_told = CancelIoEx((HANDLE)engine->handle, NULL) ||
                  GetLastError() == ERROR_NOT_FOUND;
  /* What connects, or is on its way out, ends for certain only with its handle,
   * and there is nothing left to be saved; so does what cannot be canceled. */
  if (socket->close_reset || engine->out.in_flight || !was_told)
    handle__close(engine, socket->close_reset);
}

void engine_close_socket(struct socket* socket, bool reset) {
  struct engine_socket* engine = &socket->engine;
  completion_port_forget(socket);
  receive_forget(socket);
  handle__close(engine, reset);
}

int32_t engine_name(struct socket* socket,
                    uint32_t end,
                    struct iocp_address* address_out) {
  SOCKADDR_STORAGE system;
  int length = sizeof system;
  SOCKET handle = socket->engine.handle;
  int failed = end == IOCP_PEER
                   ? getpeername(handle, (SOCKADDR*)&system, &length)
                   : getsockname(handle, (SOCKADDR*)&system, &length);
  if (failed) return errors_fail(socket->port, (DWORD)WSAGetLastError());
  if (address_from_system((SOCKADDR*)&system, length, address_out)) return 0;
  return port_fail(socket->port, -IOCP_EAFNOSUPPORT, 0);
}

struct handle__option {
  int level;
  int name;
};

static bool handle__option_of(uint32_t option,
                              struct handle__option* option_out) {
  switch (option) {
    case IOCP_NO_DELAY:
      *option_out = (struct handle__option){IPPROTO_TCP, TCP_NODELAY};
      return true;
    case IOCP_KEEP_ALIVE:
      *option_out = (struct handle__option){SOL_SOCKET, SO_KEEPALIVE};
      return true;
    default:
      return false;
  }
}

int32_t engine_set_option(struct socket* socket,
                          uint32_t option,
                          int32_t value) {
  struct handle__option system;
  if (!handle__option_of(option, &system) || value < 0 || value > 1)
    return port_fail(socket->port, -IOCP_EINVAL, 0);
  BOOL is_on = value;
  if (setsockopt(socket->engine.handle,
                 system.level,
                 system.name,
                 (const char*)&is_on,
                 sizeof is_on) == 0)
    return 0;
  return errors_fail(socket->port, (DWORD)WSAGetLastError());
}

int32_t engine_get_option(struct socket* socket, uint32_t option) {
  struct handle__option system;
  /* Some providers write one byte only. */
  BOOL is_on = FALSE;
  int length = sizeof is_on;
  if (!handle__option_of(option, &system))
    return port_fail(socket->port, -IOCP_EINVAL, 0);
  if (getsockopt(socket->engine.handle,
                 system.level,
                 system.name,
                 (char*)&is_on,
                 &length) == 0)
    return is_on != 0;
  return errors_fail(socket->port, (DWORD)WSAGetLastError());
}
