/* SPDX-License-Identifier: MIT */
/* The part of ws2tcpip.h that the Windows engine uses; see windows.h. */
#ifndef MODEL_WS2TCPIP_H
#define MODEL_WS2TCPIP_H

#include <winsock2.h>

/* "IPPROTO_IP socket options" and "IPPROTO_IPV6 socket options" that concern a
 * stream. */
#define IP_TOS 3
#define IP_TTL 4
#define IP_MTU_DISCOVER 71
#define IP_MTU 73
#define IP_UNICAST_IF 31
#define IPV6_UNICAST_HOPS 4
#define IPV6_V6ONLY 27
#define IPV6_UNICAST_IF 31
#define IPV6_TCLASS 39
#define IPV6_MTU_DISCOVER 71
#define IPV6_MTU 72

typedef struct sockaddr_in6 {
  uint16_t sin6_family;
  uint16_t sin6_port;
  uint32_t sin6_flowinfo;
  uint8_t sin6_addr[16];
  uint32_t sin6_scope_id;
} SOCKADDR_IN6;

typedef struct addrinfoW {
  int ai_flags;
  int ai_family;
  int ai_socktype;
  int ai_protocol;
  size_t ai_addrlen;
  WCHAR* ai_canonname;
  SOCKADDR* ai_addr;
  struct addrinfoW* ai_next;
} ADDRINFOW;

int GetAddrInfoW(const WCHAR* node,
                 const WCHAR* service,
                 const ADDRINFOW* hints,
                 ADDRINFOW** result);
void FreeAddrInfoW(ADDRINFOW* result);

#endif /* MODEL_WS2TCPIP_H */
