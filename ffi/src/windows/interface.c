/* SPDX-License-Identifier: MIT */
#include "interface.h"

#include <ws2tcpip.h>
/* It needs the header above. */
#include <iphlpapi.h>

#include "address.h"
#include "memory.h"

typedef DWORD(WINAPI* interface__get)(ADDRESS_FAMILY,
                                      MIB_UNICASTIPADDRESS_TABLE**);
typedef VOID(WINAPI* interface__free)(void*);

/* One address of an interface. */
struct interface__entry {
  struct iocp_address address;
  uint32_t index;
  bool is_preferred; /* it is no duplicate, nor may it turn out to be one */
};

typedef bool (*interface__test)(const struct interface__entry* entry,
                                const void* wanted);

static bool interface__search_table(const MIB_UNICASTIPADDRESS_TABLE* table,
                                    interface__test test,
                                    const void* wanted,
                                    struct interface__entry* entry_out) {
  for (ULONG i = 0; i < table->NumEntries; i++) {
    const MIB_UNICASTIPADDRESS_ROW* row = &table->Table[i];
    entry_out->index = row->InterfaceIndex;
    entry_out->is_preferred = row->DadState == IpDadStatePreferred;
    address_from_system((const SOCKADDR*)&row->Address,
                        sizeof row->Address,
                        &entry_out->address);
    if (test(entry_out, wanted)) return true;
  }
  return false;
}

static DWORD interface__search_module(HMODULE module,
                                      interface__test test,
                                      const void* wanted,
                                      struct interface__entry* entry_out) {
  interface__get get;
  interface__free free_table;
  FARPROC getter = GetProcAddress(module, "GetUnicastIpAddressTable");
  FARPROC freer = GetProcAddress(module, "FreeMibTable");
  MIB_UNICASTIPADDRESS_TABLE* table = NULL;
  if (getter == NULL || freer == NULL) return ERROR_NOT_SUPPORTED;
  memory_copy(&get, &getter, sizeof get);
  memory_copy(&free_table, &freer, sizeof free_table);
  DWORD native = get(AF_UNSPEC, &table);
  if (native != 0) return native;
  bool is_found = interface__search_table(table, test, wanted, entry_out);
  free_table(table);
  return is_found ? 0 : ERROR_NOT_FOUND;
}

/* Finds the first address that passes the test. Returns 0,
 * ERROR_NOT_FOUND, or another error when the addresses cannot be read. */
static DWORD interface__search(interface__test test,
                               const void* wanted,
                               struct interface__entry* entry_out) {
  HMODULE module =
      LoadLibraryExW(L"iphlpapi.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
  if (module == NULL) return GetLastError();
  DWORD native = interface__search_module(module, test, wanted, entry_out);
  FreeLibrary(module);
  return native;
}

static bool interface__has_address(const struct interface__entry* entry,
                                   const void* wanted) {
  const struct iocp_address* has = &entry->address;
  const struct iocp_address* address = wanted;
  return has->family == address->family &&
         memory_compare(has->bytes, address->bytes, sizeof has->bytes) == 0 &&
         (address->scope == 0 || has->scope == address->scope);
}

static bool interface__has_index(const struct interface__entry* entry,
                                 const void* wanted) {
  return entry->index == *(const uint32_t*)wanted;
}

static bool interface__can_name(const struct interface__entry* entry,
                                const void* wanted) {
  return entry->address.family == IOCP_IPV4 && entry->is_preferred &&
         interface__has_index(entry, wanted);
}

DWORD interface_find(const struct iocp_address* address, uint32_t* index_out) {
  struct interface__entry entry;
  DWORD native = interface__search(interface__has_address, address, &entry);
  if (native == 0) *index_out = entry.index;
  return native;
}

bool interface_exists(uint32_t index) {
  struct interface__entry entry;
  return interface__search(interface__has_index, &index, &entry) == 0;
}

uint32_t interface_to_system(uint32_t index) {
  struct interface__entry entry;
  uint32_t name = htonl(index);
  if (index != 0 && interface__search(interface__can_name, &index, &entry) == 0)
    memory_copy(&name, entry.address.bytes, sizeof name);
  return name;
}
