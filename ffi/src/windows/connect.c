/* SPDX-License-Identifier: MIT */
#include "connect.h"

#include <mstcpip.h>
#include <ws2tcpip.h>

#include "address.h"
#include "connector.h"
#include "errors.h"
#include "handle.h"
#include "memory.h"
#include "operation.h"
#include "winsock.h"

/* The unspecified address is this machine on Linux, and no machine on Windows.
 * It is the local address of a wildcard listener, so it must work. */
static void connect__set_peer(struct socket* socket,
                              const struct iocp_address* remote) {
  struct iocp_address* peer = &socket->peer;
  *peer = *remote;
  if (!address_is_wildcard(peer)) return;
  if (peer->family == 4) peer->bytes[0] = 127;
  peer->bytes[peer->family == 4 ? 3 : 15] = 1;
}

/* Windows repeats a SYN that was refused, which takes two seconds (libuv,
 * src/win/tcp.c, which disables it as well). On loopback no packet is lost, so
 * repeating is useless. Only if winsock_can_disable_syn_retries(). */
static void connect__disable_syn_retries(SOCKET handle) {
  TCP_INITIAL_RTO_PARAMETERS parameters = {
      .Rtt = TCP_INITIAL_RTO_UNSPECIFIED_RTT,
      .MaxSynRetransmissions = TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS};
  DWORD length;
  WSAIoctl(handle,
           SIO_TCP_INITIAL_RTO,
           &parameters,
           sizeof parameters,
           NULL,
           0,
           &length,
           NULL,
           NULL);
}

/* EADDRINUSE: no local port is free, or none that distinguishes connections to
 * this peer. On Linux connect() reports that as EADDRNOTAVAIL. */
static int32_t connect__error(int32_t error) {
  return error == -IOCP_EADDRINUSE ? -IOCP_EADDRNOTAVAIL : error;
}

/* In winsock2.h since Windows 10. */
#define CONNECT__REUSE_UNICASTPORT 0x3007

/* A bind to port 0 reserves a port at once, until the end of TIME_WAIT, so a
 * machine can make no more connections in that time than it has dynamic ports
 * (16,384 by default). With this option the port is chosen when the socket
 * connects, and may be shared with connections to other peers, if an
 * administrator has configured a range for that (SOL_SOCKET options,
 * SO_REUSE_UNICASTPORT; connect() sets it by itself, and .NET's ConnectAsync()
 * too). Before Windows 10 it is refused, and nothing changes. */
static void connect__defer_port(SOCKET handle) {
  BOOL on = TRUE;
  setsockopt(handle,
             SOL_SOCKET,
             CONNECT__REUSE_UNICASTPORT,
             (const char*)&on,
             sizeof on);
}

/* ConnectEx() requires a bound socket (its documentation). */
static int32_t connect__bind(struct socket* socket,
                             SOCKET handle,
                             const struct iocp_address* local) {
  struct iocp_address any;
  SOCKADDR_STORAGE system;
  memory_zero(&any, sizeof any);
  any.family = socket->family;
  /* Allows IPv4-mapped addresses, as on Linux. */
  DWORD off = 0;
  if (socket->family == 6)
    setsockopt(
        handle, IPPROTO_IPV6, IPV6_V6ONLY, (const char*)&off, sizeof off);
  if (local == NULL) local = &any;
  if (local->port == 0) connect__defer_port(handle);
  int length = address_to_system(local, &system);
  if (bind(handle, (SOCKADDR*)&system, length) == 0) return 0;
  DWORD native = (DWORD)WSAGetLastError();
  return port_fail(
      socket->port,
      local->port == 0 ? connect__error(errors_of(native)) : errors_of(native),
      (int32_t)native);
}

/* The connection is made. Returns 0 or Winsock's error. */
static DWORD connect__update(struct socket* socket) {
  /* Without it shutdown() and getpeername() fail (ConnectEx()'s
   * documentation). */
  if (setsockopt(socket->engine.handle,
                 SOL_SOCKET,
                 SO_UPDATE_CONNECT_CONTEXT,
                 NULL,
                 0) == 0)
    return 0;
  return (DWORD)WSAGetLastError();
}

void connect_completed(struct socket* socket) {
  LONG status = op_status(&socket->engine.out);
  if (status < 0) {
    connector_done(
        socket, connect__error(errors_of_status(status)), (int32_t)status);
    return;
  }
  /* A close may have closed the handle already. */
  DWORD native = socket->state == SOCKET_CLOSING ? 0 : connect__update(socket);
  connector_done(socket, native == 0 ? 0 : errors_of(native), (int32_t)native);
}

int32_t connect_start(struct socket* socket,
                      LPFN_CONNECTEX connect_ex,
                      const SOCKADDR* system,
                      int length) {
  struct engine_socket* engine = &socket->engine;
  /* This fails only for sockets with `relays`, which are adopted ones. */
  op_prepare(socket, &engine->out, ENGINE_CONNECT);
  BOOL has_succeeded = connect_ex(
      engine->handle, system, length, NULL, 0, NULL, &engine->out.overlapped);
  enum op_start start = op_started(socket, &engine->out, has_succeeded);
  if (start == OP_COMPLETED) connect_completed(socket);
  if (start != OP_REFUSED) return 0;
  DWORD native = (DWORD)WSAGetLastError();
  /* A refusal is reported as a completion, even if it is known at once. An
   * attempt that could not be made fails the call. */
  if (native != WSAECONNREFUSED && native != WSAECONNRESET)
    return port_fail(
        socket->port, connect__error(errors_of(native)), (int32_t)native);
  connector_done(socket, errors_of(native), (int32_t)native);
  return 0;
}

int32_t engine_connect(struct socket* socket,
                       const struct iocp_address* remote,
                       const struct iocp_address* local) {
  struct port* port = socket->port;
  int32_t result;
  if ((remote->family != 4 && remote->family != 6) ||
      (local != NULL && local->family != remote->family))
    return port_fail(port, -IOCP_EAFNOSUPPORT, 0);
  /* Not an address for streams. The error of Windows depends on its version;
   * this is that of Linux. */
  if (address_is_group(remote))
    return port_fail(port, -IOCP_ENETUNREACH, (int32_t)WSAENETUNREACH);
  SOCKET handle = handle_new(remote->family);
  if (handle == INVALID_SOCKET)
    return errors_fail(port, (DWORD)WSAGetLastError());
  socket->family = (uint8_t)remote->family;
  connect__set_peer(socket, remote);
  const struct engine_provider* provider =
      winsock_provider(port, socket->family, handle);
  if (provider->connect_ex == NULL) {
    result = winsock_missing(port, provider);
    goto err1;
  }
  if (address_is_loopback(&socket->peer) &&
      port->engine.can_disable_syn_retries)
    connect__disable_syn_retries(handle);
  result = connect__bind(socket, handle, local);
  if (result < 0) goto err1;
  result = handle_enter(socket, handle, provider->is_ifs);
  if (result < 0) goto err1;
  SOCKADDR_STORAGE system;
  int length = address_to_system(&socket->peer, &system);
  result = connect_start(
      socket, provider->connect_ex, (const SOCKADDR*)&system, length);
  if (result >= 0) return result;

err1:
  closesocket(handle);
  return result;
}
