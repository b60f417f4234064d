/* SPDX-License-Identifier: MIT */
#include "datagram_option.h"

#include <ws2tcpip.h>

#include "errors.h"
#include "interface.h"

struct datagram_option__names {
  int level4; /* of an IPv4 socket */
  int ipv4;   /* 0: no version has it */
  int ipv6;   /* 0: level4 and ipv4 are for every socket */
};

/* From BROADCAST on, by number. OFFLOAD (UDP_SEND_MSG_SIZE and
 * UDP_RECV_MAX_COALESCED_SIZE, Windows 10 version 2004) is missing. */
static const struct datagram_option__names datagram_option__all[] = {
    [IOCP_BROADCAST - IOCP_BROADCAST] = {SOL_SOCKET, SO_BROADCAST, 0},
    [IOCP_TTL - IOCP_BROADCAST] = {IPPROTO_IP, IP_TTL, IPV6_UNICAST_HOPS},
    [IOCP_MULTICAST_TTL -
     IOCP_BROADCAST] = {IPPROTO_IP, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS},
    [IOCP_MULTICAST_LOOP -
     IOCP_BROADCAST] = {IPPROTO_IP, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP},
    [IOCP_MULTICAST_INTERFACE -
     IOCP_BROADCAST] = {IPPROTO_IP, IP_MULTICAST_IF, IPV6_MULTICAST_IF},
    [IOCP_SYSTEM_RECEIVE_BUFFER - IOCP_BROADCAST] = {SOL_SOCKET, SO_RCVBUF, 0},
    [IOCP_SYSTEM_SEND_BUFFER - IOCP_BROADCAST] = {SOL_SOCKET, SO_SNDBUF, 0},
    [IOCP_OFFLOAD - IOCP_BROADCAST] = {0, 0, 0},
};

static int datagram_option__set(SOCKET handle,
                                int level,
                                int name,
                                DWORD value) {
  return setsockopt(handle, level, name, (const char*)&value, sizeof value);
}

int32_t datagram_option_set(struct socket* socket,
                            uint32_t option,
                            int32_t value) {
  const struct datagram_option__names* names =
      &datagram_option__all[option - IOCP_BROADCAST];
  SOCKET handle = socket->engine.handle;
  DWORD number = (DWORD)value;
  bool is_interface = option == IOCP_MULTICAST_INTERFACE;
  if (names->ipv4 == 0) return port_fail(socket->port, -IOCP_ENOTSUP, 0);
  DWORD number4 = is_interface ? interface_to_system(number) : number;
  int failed;
  if (names->ipv6 == 0 || socket->family == IOCP_IPV4) {
    failed = datagram_option__set(handle, names->level4, names->ipv4, number4);
  } else {
    failed = datagram_option__set(handle, IPPROTO_IPV6, names->ipv6, number);
    /* For the IPv4 packets of a dual-stack socket; others refuse it. */
    if (!failed)
      datagram_option__set(handle, names->level4, names->ipv4, number4);
  }
  if (failed) return errors_fail(socket->port, (DWORD)WSAGetLastError());
  if (is_interface) socket->datagram->multicast_interface = number;
  return 0;
}

int32_t datagram_option_get(struct socket* socket, uint32_t option) {
  const struct datagram_option__names* names =
      &datagram_option__all[option - IOCP_BROADCAST];
  bool is_ipv4 = names->ipv6 == 0 || socket->family == IOCP_IPV4;
  DWORD number = 0;
  int length = sizeof number;
  if (option == IOCP_MULTICAST_INTERFACE)
    return (int32_t)socket->datagram->multicast_interface;
  if (option == IOCP_OFFLOAD) return 0;
  if (getsockopt(socket->engine.handle,
                 is_ipv4 ? names->level4 : IPPROTO_IPV6,
                 is_ipv4 ? names->ipv4 : names->ipv6,
                 (char*)&number,
                 &length) == 0)
    return (int32_t)number;
  return errors_fail(socket->port, (DWORD)WSAGetLastError());
}
