/* SPDX-License-Identifier: MIT */
/* The addresses of a datagram socket. */
#include <ws2tcpip.h>

#include "address.h"
#include "datagram_address.h"
#include "datagram_receive.h"
#include "errors.h"
#include "handle.h"
#include "memory.h"

/* In mstcpip.h; MinGW's has not both of them. */
#define DATAGRAM_BIND__UDP_CONNRESET 0x9800000Cu
#define DATAGRAM_BIND__UDP_NETRESET 0x9800000Fu

static bool datagram_bind__set(SOCKET handle,
                               int level,
                               int option,
                               BOOL value) {
  return setsockopt(handle, level, option, (const char*)&value, sizeof value) ==
         0;
}

/* Whether receives fail for earlier datagrams that a router or the receiver has
 * refused (SIO_UDP_CONNRESET, SIO_UDP_NETRESET). Without a connection the error
 * does not say which datagram it is of. If the system does not know the
 * setting, the errors are reported. */
static void datagram_bind__report(SOCKET handle, BOOL reports) {
  DWORD unused = 0;
  WSAIoctl(handle,
           DATAGRAM_BIND__UDP_CONNRESET,
           &reports,
           sizeof reports,
           NULL,
           0,
           &unused,
           NULL,
           NULL);
  WSAIoctl(handle,
           DATAGRAM_BIND__UDP_NETRESET,
           &reports,
           sizeof reports,
           NULL,
           0,
           &unused,
           NULL,
           NULL);
}

int32_t engine_bind(struct socket* socket,
                    const struct iocp_address* address,
                    uint32_t flags) {
  struct port* port = socket->port;
  SOCKADDR_STORAGE system;
  if (address->family != IOCP_IPV4 && address->family != IOCP_IPV6)
    return port_fail(port, -IOCP_EAFNOSUPPORT, 0);
  /* SO_REUSEADDR would let any program take the datagrams, and a group address
   * cannot be bound (see listen.c). */
  if ((flags & (IOCP_REUSE_PORT | IOCP_REUSE_ADDRESS)) != 0)
    return port_fail(port, -IOCP_ENOTSUP, 0);
  int length = address_to_system(address, &system);
  SOCKET handle = WSASocketW(address->family == IOCP_IPV6 ? AF_INET6 : AF_INET,
                             SOCK_DGRAM,
                             IPPROTO_UDP,
                             NULL,
                             0,
                             WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  if (handle == INVALID_SOCKET)
    return errors_fail(port, (DWORD)WSAGetLastError());
  socket->family = (uint8_t)address->family;
  datagram_receive_open(socket);
  datagram_bind__report(handle, FALSE);
  int32_t result;
  if (!datagram_bind__set(handle, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, TRUE) ||
      (address->family == IOCP_IPV6 &&
       !datagram_bind__set(
           handle, IPPROTO_IPV6, IPV6_V6ONLY, (flags & IOCP_IPV6_ONLY) != 0)) ||
      bind(handle, (SOCKADDR*)&system, length) != 0)
    result = errors_fail(port, (DWORD)WSAGetLastError());
  /* A packet follows each success: for a datagram socket that skips them, it is
   * not reliable whether one follows (libuv, src/win/winsock.c). */
  else
    result = handle_enter(socket, handle, false);
  if (result < 0) closesocket(handle);
  return result;
}

/* Winsock has no AF_UNIX sockets of the type SOCK_DGRAM. */
int32_t engine_bind_path(struct socket* socket,
                         const struct path_access* access) {
  (void)access;
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

/* An address that is "filled with zeros" disconnects (connect(), remarks): all
 * of it, the family too, as in libuv (src/win/udp.c). */
static int32_t datagram_bind__dissolve(struct socket* socket) {
  SOCKADDR nothing;
  memory_zero(&nothing, sizeof nothing);
  if (connect(socket->engine.handle, &nothing, sizeof nothing) != 0)
    return errors_fail(socket->port, (DWORD)WSAGetLastError());
  datagram_bind__report(socket->engine.handle, FALSE);
  return 0;
}

int32_t engine_connect_datagram(struct socket* socket,
                                const struct iocp_datagram* to,
                                const void* path) {
  SOCKADDR_STORAGE system;
  (void)path;
  if (to == NULL) return datagram_bind__dissolve(socket);
  int32_t length = datagram_address_to_system(socket, to, &system);
  if (length < 0) return port_fail(socket->port, length, 0);
  if (connect(socket->engine.handle, (SOCKADDR*)&system, length) != 0)
    return errors_fail(socket->port, (DWORD)WSAGetLastError());
  datagram_bind__report(socket->engine.handle, TRUE);
  return 0;
}
