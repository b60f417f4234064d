/* SPDX-License-Identifier: MIT */
#include "handle.h"

#include <ws2tcpip.h>

#include "address.h"
#include "datagram_receive.h"
#include "errors.h"
#include "file_mode.h"
#include "pipe.h"
#include "pipe_adopt.h"
#include "pipe_receive.h"
#include "receive.h"
#include "receive_list.h"
#include "retry.h"
#include "winsock.h"

/* Whole numbers up to this are exact in a double. */
#define HANDLE__NUMBER_MAX 9007199254740992.0

SOCKET handle_new(unsigned family) {
  /* A handle that a child process inherits keeps the connection or the address
   * open, and closing ours would not end operations in flight (libuv #4810). */
  return WSASocketW(family == IOCP_UNIX   ? AF_UNIX
                    : family == IOCP_IPV6 ? AF_INET6
                                          : AF_INET,
                    SOCK_STREAM,
                    family == IOCP_UNIX ? 0 : IPPROTO_TCP,
                    NULL,
                    0,
                    WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
}

int32_t handle_fail_unix(struct port* port) {
  DWORD native = (DWORD)WSAGetLastError();
  /* Windows before version 1803 of Windows 10, and Wine 10. */
  if (native == WSAEAFNOSUPPORT)
    return port_fail(port, -IOCP_ENOTSUP, (int32_t)native);
  return errors_fail(port, native);
}

void handle_query_modes(struct socket* socket, SOCKET handle, bool is_ifs) {
  struct engine_socket* engine = &socket->engine;
  /* A socket that is not a file handle queues every packet, whatever its modes;
   * the event of a relay is set in any case. */
  if (!is_ifs || engine->relays) return;
  int skips = file_mode_skips_packets((HANDLE)handle);
  engine->skips_packets = skips == 1;
  /* If the modes cannot be read, only an event signals every completion. */
  engine->relays = skips < 0;
}

int32_t handle_enter(struct socket* socket, SOCKET handle, bool is_ifs) {
  struct port* port = socket->port;
  u_long is_non_blocking = 1;
  /* The key distinguishes our packets from those of a handle that other code
   * associated before. The value of the handle would not do: the system reuses
   * it as soon as it is closed. */
  if (!socket->engine.relays &&
      CreateIoCompletionPort(
          (HANDLE)handle, port->engine.handle, (ULONG_PTR)port, 0) == NULL)
    return errors_fail(port, GetLastError());
  receive_list_open(socket);
  if (ioctlsocket(handle, (long)FIONBIO, &is_non_blocking) != 0) {
    DWORD native = (DWORD)WSAGetLastError();
    /* Undone if possible, so that the next attempt is not refused. */
    if (!socket->engine.relays) winsock_remove_from_port(handle);
    return errors_fail(port, native);
  }
  /* If it fails, a packet follows each success, which is handled as well. A
   * relay leaves the modes alone, since they are those of another process too,
   * which may expect its packets. Its event is set by a success at once as
   * well, and results in a packet. */
  socket->engine.skips_packets =
      is_ifs && !socket->engine.relays &&
      SetFileCompletionNotificationModes(
          (HANDLE)handle,
          FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE);
  socket->engine.copies_sends = port->engine.truncates_sends;
  socket->engine.handle = handle;
  return 0;
}

bool handle_of_number(double number, SOCKET* handle_out) {
  if (!(number >= 0 && number < HANDLE__NUMBER_MAX)) return false;
  *handle_out = (SOCKET)number;
  return (double)*handle_out == number;
}

int32_t engine_adopt(struct socket* socket, double os_socket, uint32_t flags) {
  struct port* port = socket->port;
  SOCKET handle;
  int type = 0;
  int length = sizeof type;
  SOCKADDR_STORAGE peer;
  if (!handle_of_number(os_socket, &handle))
    return port_fail(port, -IOCP_EINVAL, 0);
  if (getsockopt(handle, SOL_SOCKET, SO_TYPE, (char*)&type, &length) != 0) {
    DWORD native = (DWORD)WSAGetLastError();
    return native == WSAENOTSOCK ? pipe_adopt(socket, (HANDLE)handle, flags)
                                 : errors_fail(port, native);
  }
  length = sizeof peer;
  if (type != SOCK_STREAM) return port_fail(port, -IOCP_ENOTCONN, 0);
  if (getpeername(handle, (SOCKADDR*)&peer, &length) != 0)
    return errors_fail(port, (DWORD)WSAGetLastError());
  bool is_unix = peer.ss_family == AF_UNIX;
  if (!is_unix && !address_from_system((SOCKADDR*)&peer, length, &socket->peer))
    return port_fail(port, -IOCP_ENOTCONN, 0);
  /* The socket may be of a layered provider. */
  int is_ifs = winsock_is_ifs(handle);
  if (is_ifs < 0) return errors_fail(port, (DWORD)WSAGetLastError());
  socket->family = is_unix ? IOCP_UNIX : (uint8_t)socket->peer.family;
  int32_t result = handle_enter(socket, handle, is_ifs);
  /* The call fails with this error for a handle that is already on a port, and
   * for one that is not overlapped. */
  if (result < 0 && port->native_error == ERROR_INVALID_PARAMETER) {
    if (file_mode_is_synchronous((HANDLE)handle))
      return port_fail(port, -IOCP_ENOTSUP, ERROR_INVALID_PARAMETER);
    if ((flags & IOCP_DETACHED) == 0)
      return port_fail(port, -IOCP_EEXIST, ERROR_INVALID_PARAMETER);
    socket->engine.relays = true;
    result = handle_enter(socket, handle, is_ifs);
  }
  if (result < 0) return result;
  if (!socket->engine.skips_packets) handle_query_modes(socket, handle, is_ifs);
  /* A process that has inherited the handle before still has it. */
  SetHandleInformation((HANDLE)handle, HANDLE_FLAG_INHERIT, 0);
  return 0;
}

void handle_set_no_delay(SOCKET handle) {
  BOOL on = TRUE;
  setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, (const char*)&on, sizeof on);
}

bool handle_set_reset(SOCKET handle, bool is_reset) {
  LINGER linger = {.l_onoff = is_reset, .l_linger = 0};
  return setsockopt(handle,
                    SOL_SOCKET,
                    SO_LINGER,
                    (const char*)&linger,
                    sizeof linger) == 0;
}

static double handle__operations(const struct socket* socket) {
  const struct engine_socket* engine = &socket->engine;
  return (double)engine->receives_in_flight + engine->sends_in_flight +
         engine->accepts_posted + engine->out.in_flight;
}

void engine_count_posted(const struct socket* socket,
                         struct iocp_stats* stats) {
  stats->operations += handle__operations(socket);
  if (!socket->is_listener) stats->bytes_posted += receive_list_posted(socket);
  double readable = 0;
  if (socket->is_datagram)
    datagram_receive_count(socket, &stats->bytes_posted, &readable);
}

void handle_abort(struct socket* socket, int32_t error, int32_t native) {
  SOCKET handle = socket->engine.handle;
  retry_cancel(socket);
  receive_abort(socket, error, native);
  handle_set_reset(handle, true);
  /* closesocket() cancels what is in flight, as its documentation says. Under
   * Wine 10 it does not: sends keep the connection open until the peer has read
   * on, and those posted after its reset never complete. */
  CancelIoEx((HANDLE)handle, NULL);
  closesocket(handle);
  socket->engine.handle = INVALID_SOCKET;
}

void engine_stats(struct socket* socket, struct iocp_socket_stats* stats) {
  const struct engine_socket* engine = &socket->engine;
  u_long readable = 0;
  stats->operations = handle__operations(socket);
  stats->accepts_posted = engine->accepts_posted;
  stats->accepts_ready = engine->accepted_count;
  stats->accepts_deferred += engine->accepts_without_data;
  if (socket->is_listener) return;
  stats->receives_posted = engine->receives_in_flight;
  stats->bytes_posted = receive_list_posted(socket);
  stats->bytes_readable = receive_list_waiting(socket);
  if (socket->is_datagram)
    datagram_receive_count(
        socket, &stats->bytes_posted, &stats->bytes_readable);
  if (pipe_is(socket)) {
    int32_t available = pipe_receive_available(socket);
    if (available > 0) stats->bytes_readable += available;
    return;
  }
  if (ioctlsocket(engine->handle, FIONREAD, &readable) == 0)
    stats->bytes_readable += readable;
}

int32_t handle_fail(struct socket* socket) {
  bool is_gone = socket->engine.handle == INVALID_SOCKET;
  return errors_fail(socket->port,
                     is_gone ? WSAENOTCONN : (DWORD)WSAGetLastError());
}

int32_t engine_get_address(struct socket* socket,
                           uint32_t end,
                           struct iocp_address* address_out) {
  SOCKADDR_STORAGE system;
  int length = sizeof system;
  SOCKET handle = socket->engine.handle;
  int failed = end == IOCP_PEER
                   ? getpeername(handle, (SOCKADDR*)&system, &length)
                   : getsockname(handle, (SOCKADDR*)&system, &length);
  if (failed) return handle_fail(socket);
  /* The family is 4 or 6, since no other is accepted. */
  address_from_system((SOCKADDR*)&system, length, address_out);
  return 0;
}
