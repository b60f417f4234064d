/* SPDX-License-Identifier: MIT */
/*
 * A listener's address. It is bound exclusively, for else any program of the
 * same user may take it over, even while it is in use ("Using SO_REUSEADDR and
 * SO_EXCLUSIVEADDRUSE", which the tables and quotations here are from).
 *
 * That has a price: an address that was bound so "cannot necessarily be reused
 * immediately", but only when all its connections are over. libuv does without
 * it for that reason. A server that is started again is to have its address
 * though, so when the exclusive bind fails and there is no other listener, this
 * one is bound without it.
 */
#include <ws2tcpip.h>

#include "address.h"
#include "engine.h"
#include "errors.h"
#include "handle.h"
#include "tcp_table.h"
#include "winsock.h"

/* listen() clamps a plain number to 200; this asks for it in earnest
 * (SOMAXCONN_HINT in winsock2.h, which MinGW does not have). */
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

/* Makes a handle that is bound, or returns Winsock's number. */
static DWORD listen__bind(const struct iocp_address* address,
                          uint32_t flags,
                          bool is_exclusive,
                          SOCKET* handle_out) {
  SOCKADDR_STORAGE system;
  int length = address_to_system(address, &system);
  SOCKET handle = handle_new(address->family);
  if (handle == INVALID_SOCKET) return (DWORD)WSAGetLastError();
  /* Windows starts with IPV6_V6ONLY on, Linux with it off. */
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
 * The same when the exclusive bind was refused, with `refusal`.
 *
 * A plain bind fails as well when a socket is bound to the same address, or
 * exclusively to all of them. It succeeds beside a listener of one address when
 * it is for all of them, or the other way round, and so shares the port; hence
 * the look into the table of those that listen. Where that cannot be read, the
 * refusal stands.
 */
static DWORD listen__bind_plainly(const struct iocp_address* address,
                                  uint32_t flags,
                                  DWORD refusal,
                                  SOCKET* handle_out) {
  DWORD native = listen__bind(address, flags, false, handle_out);
  /* After the bind, so that no other socket can be bound to it in between. */
  enum tcp_table_answer answer =
      tcp_table_ask(address, (flags & IOCP_IPV6_ONLY) == 0);
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
  /* SO_REUSEADDR has another meaning here: it takes the address over. */
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
