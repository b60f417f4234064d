/* SPDX-License-Identifier: MIT */
/* Multicast groups, and the interfaces that they are joined on. */
#include <ws2tcpip.h>
/* It needs the header above. */
#include <iphlpapi.h>

#include "address.h"
#include "engine.h"
#include "errors.h"
#include "memory.h"

static int membership__change(
    SOCKET handle, int level, int option, const void* request, int size) {
  return setsockopt(handle, level, option, (const char*)request, size);
}

/* An interface is named by its address or, as 0.x.x.x, by its index
 * (IP_ADD_MEMBERSHIP, IP_ADD_SOURCE_MEMBERSHIP). */
static int membership__change_ipv4(SOCKET handle,
                                   const struct iocp_address* group,
                                   const struct iocp_address* source,
                                   uint32_t interface_index,
                                   bool joins) {
  IP_MREQ any_source;
  IP_MREQ_SOURCE request;
  memory_copy(&any_source.imr_multiaddr, group->bytes, 4);
  any_source.imr_interface.s_addr = htonl(interface_index);
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

int32_t engine_membership(struct socket* socket,
                          const struct iocp_address* group,
                          const struct iocp_address* source,
                          uint32_t interface_index,
                          bool joins) {
  SOCKET handle = socket->engine.handle;
  bool is_ipv4 = group->family == IOCP_IPV4;
  if ((!is_ipv4 && group->family != IOCP_IPV6) ||
      (source != NULL && source->family != group->family))
    return port_fail(socket->port, -IOCP_EAFNOSUPPORT, 0);
  int failed = is_ipv4 ? membership__change_ipv4(
                             handle, group, source, interface_index, joins)
                       : membership__change_ipv6(
                             handle, group, source, interface_index, joins);
  return failed ? errors_fail(socket->port, (DWORD)WSAGetLastError()) : 0;
}

/* ---- interfaces */

typedef DWORD(WINAPI* membership__get)(ADDRESS_FAMILY,
                                       MIB_UNICASTIPADDRESS_TABLE**);
typedef VOID(WINAPI* membership__free)(void*);

static bool membership__is_of(const MIB_UNICASTIPADDRESS_ROW* row,
                              const struct iocp_address* address) {
  struct iocp_address has;
  address_from_system(
      (const SOCKADDR*)&row->Address, sizeof row->Address, &has);
  return has.family == address->family &&
         memory_compare(has.bytes, address->bytes, sizeof has.bytes) == 0 &&
         (address->scope == 0 || has.scope == address->scope);
}

/* Returns 0 when no interface has the address, or the table cannot be read. */
static uint32_t membership__find(HMODULE module,
                                 const struct iocp_address* address) {
  membership__get get;
  membership__free free_table;
  FARPROC getter = GetProcAddress(module, "GetUnicastIpAddressTable");
  FARPROC freer = GetProcAddress(module, "FreeMibTable");
  MIB_UNICASTIPADDRESS_TABLE* table = NULL;
  uint32_t index = 0;
  if (getter == NULL || freer == NULL) return 0;
  memory_copy(&get, &getter, sizeof get);
  memory_copy(&free_table, &freer, sizeof free_table);
  if (get(AF_UNSPEC, &table) != NO_ERROR) return 0;
  for (ULONG i = 0; i < table->NumEntries && index == 0; i++)
    if (membership__is_of(&table->Table[i], address))
      index = table->Table[i].InterfaceIndex;
  free_table(table);
  return index;
}

int32_t engine_interface_index(struct port* port,
                               const struct iocp_address* address) {
  HMODULE module =
      LoadLibraryExW(L"iphlpapi.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
  uint32_t index = module == NULL ? 0 : membership__find(module, address);
  if (module != NULL) FreeLibrary(module);
  return index != 0 ? (int32_t)index : port_fail(port, -IOCP_EADDRNOTAVAIL, 0);
}
