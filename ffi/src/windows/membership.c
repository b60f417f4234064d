/* SPDX-License-Identifier: MIT */
/* Multicast groups. */
#include <ws2tcpip.h>

#include "address.h"
#include "engine.h"
#include "errors.h"
#include "interface.h"
#include "memory.h"

static int membership__change(
    SOCKET handle, int level, int option, const void* request, int size) {
  return setsockopt(handle, level, option, (const char*)request, size);
}

static int membership__change_ipv4(SOCKET handle,
                                   const struct iocp_address* group,
                                   const struct iocp_address* source,
                                   uint32_t interface_index,
                                   bool joins) {
  IP_MREQ any_source;
  IP_MREQ_SOURCE request;
  memory_copy(&any_source.imr_multiaddr, group->bytes, 4);
  any_source.imr_interface.s_addr = interface_to_system(interface_index);
  if (source == NULL)
    return membership__change(handle,
                              IPPROTO_IP,
                              joins ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP,
                              &any_source,
                              sizeof any_source);
  request.imr_multiaddr = any_source.imr_multiaddr;
  request.imr_interface = any_source.imr_interface;
  memory_copy(&request.imr_sourceaddr, source->bytes, 4);
  return membership__change(
      handle,
      IPPROTO_IP,
      joins ? IP_ADD_SOURCE_MEMBERSHIP : IP_DROP_SOURCE_MEMBERSHIP,
      &request,
      sizeof request);
}

static int membership__change_ipv6(SOCKET handle,
                                   const struct iocp_address* group,
                                   const struct iocp_address* source,
                                   uint32_t interface_index,
                                   bool joins) {
  IPV6_MREQ any_source;
  GROUP_SOURCE_REQ request;
  memory_copy(&any_source.ipv6mr_multiaddr, group->bytes, 16);
  any_source.ipv6mr_interface = interface_index;
  if (source == NULL)
    return membership__change(
        handle,
        IPPROTO_IPV6,
        joins ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP,
        &any_source,
        sizeof any_source);
  memory_zero(&request, sizeof request);
  request.gsr_interface = interface_index;
  address_to_system(group, &request.gsr_group);
  address_to_system(source, &request.gsr_source);
  return membership__change(
      handle,
      IPPROTO_IPV6,
      joins ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP,
      &request,
      sizeof request);
}

/*
 * A group that has been joined already is WSAEADDRNOTAVAIL, and one that has
 * not been joined is WSAEINVAL ("Multicast Socket Option Behavior"; Wine 10
 * returns WSAEADDRINUSE for the former). Both errors have other reasons as
 * well.
 */
static int32_t membership__fail(struct port* port,
                                uint32_t interface_index,
                                bool joins) {
  DWORD native = (DWORD)WSAGetLastError();
  if (native != WSAEADDRNOTAVAIL && native != WSAEINVAL)
    return errors_fail(port, native);
  bool exists = interface_index == 0 || interface_exists(interface_index);
  if (joins && exists && native == WSAEINVAL) return errors_fail(port, native);
  return port_fail(port,
                   joins && exists ? -IOCP_EADDRINUSE : -IOCP_EADDRNOTAVAIL,
                   (int32_t)native);
}

int32_t engine_membership(struct socket* socket,
                          const struct iocp_address* group,
                          const struct iocp_address* source,
                          uint32_t interface_index,
                          bool joins) {
  SOCKET handle = socket->engine.handle;
  int failed = group->family == IOCP_IPV4
                   ? membership__change_ipv4(
                         handle, group, source, interface_index, joins)
                   : membership__change_ipv6(
                         handle, group, source, interface_index, joins);
  return failed ? membership__fail(socket->port, interface_index, joins) : 0;
}

int32_t engine_interface_index(struct port* port,
                               const struct iocp_address* address) {
  uint32_t index = 0;
  DWORD native = interface_find(address, &index);
  if (native == 0) return (int32_t)index;
  if (native != ERROR_NOT_FOUND) return errors_fail(port, native);
  return port_fail(port, -IOCP_EADDRNOTAVAIL, 0);
}
