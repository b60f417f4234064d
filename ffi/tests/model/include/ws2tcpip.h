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

/* Those that concern datagrams. */
#define IP_MULTICAST_IF 9
#define IP_MULTICAST_TTL 10
#define IP_MULTICAST_LOOP 11
#define IP_ADD_MEMBERSHIP 12
#define IP_DROP_MEMBERSHIP 13
#define IP_ADD_SOURCE_MEMBERSHIP 15
#define IP_DROP_SOURCE_MEMBERSHIP 16
#define IPV6_MULTICAST_IF 9
#define IPV6_MULTICAST_HOPS 10
#define IPV6_MULTICAST_LOOP 11
#define IPV6_ADD_MEMBERSHIP 12
#define IPV6_DROP_MEMBERSHIP 13
#define MCAST_JOIN_SOURCE_GROUP 45
#define MCAST_LEAVE_SOURCE_GROUP 46

struct in_addr {
  uint32_t s_addr;
};

typedef struct {
  struct in_addr imr_multiaddr;
  struct in_addr imr_interface;
} IP_MREQ;

typedef struct {
  struct in_addr imr_multiaddr;
  struct in_addr imr_sourceaddr;
  struct in_addr imr_interface;
} IP_MREQ_SOURCE;

typedef struct {
  uint8_t ipv6mr_multiaddr[16];
  ULONG ipv6mr_interface;
} IPV6_MREQ;

typedef struct {
  ULONG gsr_interface;
  SOCKADDR_STORAGE gsr_group;
  SOCKADDR_STORAGE gsr_source;
} GROUP_SOURCE_REQ;

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
