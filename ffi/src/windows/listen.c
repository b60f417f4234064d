/* SPDX-License-Identifier: MIT */
/*
 * The address of a listener. It is bound exclusively: otherwise any program of
 * the same user could bind it too, even while it is in use ("Using SO_REUSEADDR
 * and SO_EXCLUSIVEADDRUSE", the source of the tables and quotations here).
 *
 * But an address that was bound exclusively "cannot necessarily be reused
 * immediately": only when all its connections are over. libuv does not bind
 * exclusively for that reason. Here a restarted server can have its address: if
 * the exclusive bind fails and there is no other listener, the address is bound
 * without it.
 */
#include <ws2tcpip.h>

#include "address.h"
#include "engine.h"
#include "errors.h"
#include "handle.h"
#include "tcp_table.h"
#include "winsock.h"

/* listen() clamps a plain number to 200, and not a hint (SOMAXCONN_HINT in
 * winsock2.h, which MinGW does not have). */
#define LISTEN__BACKLOG_HINT(count) (-(count))
#define LISTEN__BACKLOG_PLAIN 200

static int listen__backlog(uint32_t backlog) {
  if (backlog > LISTEN__BACKLOG_PLAIN)
    return LISTEN__BACKLOG_HINT((int)backlog);
  return (int)backlog;
}

static bool listen__set(SOCKET handle, int level, int option, BOOL value) {
  return setsockopt(handle, level, option, (const char*)&value, sizeof value) ==
         0;
}

/* Makes a bound handle. Returns 0 or Winsock's error. */
static DWORD listen__bind(const struct iocp_address* address,
                          uint32_t flags,
                          bool is_exclusive,
                          SOCKET* handle_out) {
  SOCKADDR_STORAGE system;
  int length = address_to_system(address, &system);
  SOCKET handle = handle_new(address->family);
  if (handle == INVALID_SOCKET) return (DWORD)WSAGetLastError();
  /* IPV6_V6ONLY is on by default on Windows, and off on Linux. */
  if ((is_exclusive &&
       !listen__set(handle, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, TRUE)) ||
      (address->family == 6 &&
       !listen__set(
           handle, IPPROTO_IPV6, IPV6_V6ONLY, (flags & IOCP_IPV6_ONLY) != 0)) ||
      bind(handle, (SOCKADDR*)&system, length) != 0) {
    DWORD native = (DWORD)WSAGetLastError();
    closesocket(handle);
    return native;
  }
  *handle_out = handle;
  return 0;
}

/*
 * The same after the exclusive bind has failed with `refusal`.
 *
 * A plain bind fails as well when a socket is bound to the same address, or
 * exclusively to the wildcard. It succeeds, and shares the port, when one of
 * the two is bound to the wildcard and the other to one address; therefore the
 * table of listeners is searched. If that cannot be read, the refusal stands.
 */
static DWORD listen__bind_plainly(const struct iocp_address* address,
                                  uint32_t flags,
                                  DWORD refusal,
                                  SOCKET* handle_out) {
  DWORD native = listen__bind(address, flags, false, handle_out);
  /* After the bind, so that no other socket can be bound in between. */
  enum tcp_table_answer answer =
      tcp_table_find(address, (flags & IOCP_IPV6_ONLY) == 0);
  if (native == 0 && answer == TCP_TABLE_NONE) return 0;
  if (native == 0) closesocket(*handle_out);
  /* An exclusive listener makes some binds fail with WSAEACCES. */
  return answer == TCP_TABLE_LISTENS ? WSAEADDRINUSE : refusal;
}

static int32_t listen__start(struct socket* socket, SOCKET handle) {
  struct port* port = socket->port;
  const struct engine_provider* provider =
      winsock_provider(port, socket->family, handle);
  if (!winsock_accepts(provider)) return winsock_missing(port, provider);
  if (listen(handle, listen__backlog(socket->backlog)) != 0)
    return errors_fail(port, (DWORD)WSAGetLastError());
  return handle_enter(socket, handle, provider->is_ifs);
}

int32_t engine_listen(struct socket* socket,
                      const struct iocp_address* address,
                      uint32_t flags) {
  struct port* port = socket->port;
  SOCKET handle;
  if (address->family != 4 && address->family != 6)
    return port_fail(port, -IOCP_EAFNOSUPPORT, 0);
  /* On Windows SO_REUSEADDR lets several programs bind the same address, and it
   * is not defined which of them gets a connection. */
  if ((flags & IOCP_REUSE_PORT) != 0) return port_fail(port, -IOCP_ENOTSUP, 0);
  DWORD native = listen__bind(address, flags, true, &handle);
  if ((native == WSAEADDRINUSE || native == WSAEACCES) && address->port != 0)
    native = listen__bind_plainly(address, flags, native, &handle);
  if (native != 0) return errors_fail(port, native);
  socket->family = (uint8_t)address->family;
  socket->is_listener = true;
  socket->engine.backlog_first = socket->backlog;
  list_open(&socket->engine.posted);
  list_open(&socket->engine.accepted);
  int32_t result = listen__start(socket, handle);
  if (result < 0) closesocket(handle);
  return result;
}

int32_t engine_set_backlog(struct socket* listener, uint32_t backlog) {
  /* A second listen() "will return success without changing the value for the
   * backlog parameter" (listen()'s documentation), so additional accepts are
   * posted. */
  if (backlog < listener->engine.backlog_first ||
      listener->engine.backlog_first == 0)
    return port_fail(listener->port, -IOCP_ENOTSUP, 0);
  listener->backlog = backlog;
  engine_post_accepts(listener);
  return 0;
}
