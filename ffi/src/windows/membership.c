/* SPDX-License-Identifier: MIT */
/* Multicast groups, and the interfaces that they are joined on. */
#include <ws2tcpip.h>
/* It needs the header above. */
#include <iphlpapi.h>

#include "address.h"
#include "engine.h"
#include "errors.h"
#include "memory.h"

/* The options are the same for both families (RFC 3678, section 5). */
int32_t engine_membership(struct socket* socket,
                          const struct iocp_address* group,
                          const struct iocp_address* source,
                          uint32_t interface_index,
                          bool joins) {
  GROUP_SOURCE_REQ request;
  GROUP_REQ any_source;
  bool is_ipv4 = group->family == IOCP_IPV4;
  int level = is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
  int failed;
  if ((!is_ipv4 && group->family != IOCP_IPV6) ||
      (source != NULL && source->family != group->family))
    return port_fail(socket->port, -IOCP_EAFNOSUPPORT, 0);
  memory_zero(&request, sizeof request);
  memory_zero(&any_source, sizeof any_source);
  request.gsr_interface = any_source.gr_interface = interface_index;
  address_to_system(group, &request.gsr_group);
  any_source.gr_group = request.gsr_group;
  if (source != NULL) address_to_system(source, &request.gsr_source);
  if (source == NULL)
    failed = setsockopt(socket->engine.handle,
                        level,
                        joins ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP,
                        (const char*)&any_source,
                        sizeof any_source);
  else
    failed =
        setsockopt(socket->engine.handle,
                   level,
                   joins ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP,
                   (const char*)&request,
                   sizeof request);
  return failed ? errors_fail(socket->port, (DWORD)WSAGetLastError()) : 0;
}

/* ---- interfaces */

typedef DWORD(WINAPI* membership__get)(ADDRESS_FAMILY,
                                       MIB_UNICASTIPADDRESS_TABLE**);
typedef VOID(WINAPI* membership__free)(void*);

static bool membership__is_of(const MIB_UNICASTIPADDRESS_ROW* row,
                              const struct iocp_address* address) {
  struct iocp_address has;
  return address_from_system(
             (const SOCKADDR*)&row->Address, sizeof row->Address, &has) &&
         has.family == address->family &&
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
