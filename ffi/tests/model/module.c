/* SPDX-License-Identifier: MIT */
/* What the engine calls besides sockets: modules, the start of Winsock, name
 * resolution. */
#include <stdlib.h>
#include <string.h>
#include <ws2tcpip.h>

#include "bind.h"
#include "habits.h"
#include "kernel.h"
#include "module.h"
#include "report.h"
#include "security.h"
#include "sock.h"
#include "tape.h"
#include "thread.h"

/* ---- Winsock */

static bool module__has_winsock;

int WSAStartup(WORD version, WSADATA* data) {
  RULE("Winsock 2.2 is requested", version == MAKEWORD(2, 2) && data != NULL);
  if (!habits.starts && !habits.is_calm) return WSASYSNOTREADY;
  module__has_winsock = true;
  return 0;
}

/* ---- ntdll.dll */

/* FILE_COMPLETION_INFORMATION (ntifs.h). */
struct module__completion {
  HANDLE port;
  void* key;
};
#define MODULE__REPLACE_COMPLETION 61
#define MODULE__NOT_IMPLEMENTED ((LONG)0xC0000002)
#define MODULE__INVALID_HANDLE ((LONG)0xC0000008)

static LONG NTAPI module__set_information(
    HANDLE file, void* status, void* information, ULONG length, int class) {
  const struct module__completion* completion = information;
  kernel_enter();
  struct sock* sock = sock_find_file((uintptr_t)file, "NtSetInformationFile");
  RULE("NtSetInformationFile() is given a completion port",
       sock != NULL && status != NULL && length == sizeof *completion &&
           class == MODULE__REPLACE_COMPLETION);
  if (!habits.detaches_ports) return MODULE__NOT_IMPLEMENTED;
  RULE("a handle is removed from its port with nothing in flight",
       sock->object.holds == 0);
  sock->port = NULL;
  return 0;
}

/* FileModeInformation of a handle opened without WSA_FLAG_OVERLAPPED:
 * FILE_SYNCHRONOUS_IO_NONALERT; FILE_IO_COMPLETION_NOTIFICATION_INFORMATION
 * (ntifs.h). */
#define MODULE__FILE_MODE 16
#define MODULE__SYNCHRONOUS 0x20u
#define MODULE__NOTIFICATION_MODES 41

static LONG NTAPI module__query_information(
    HANDLE file, void* status, void* information, ULONG length, int class) {
  ULONG mode = 0;
  kernel_enter();
  struct sock* sock = sock_find_file((uintptr_t)file, "NtQueryInformationFile");
  RULE("NtQueryInformationFile() is asked for a mode",
       status != NULL && length == sizeof mode &&
           (class == MODULE__FILE_MODE || class == MODULE__NOTIFICATION_MODES));
  if (sock == NULL) return MODULE__INVALID_HANDLE;
  if (class == MODULE__NOTIFICATION_MODES) {
    if (habits.hides_modes) return MODULE__NOT_IMPLEMENTED;
    if (habits_fault(habits.kernel_faults)) return STATUS_NO_RESOURCES;
    mode = sock->modes;
  } else if (sock->is_synchronous) {
    mode = MODULE__SYNCHRONOUS;
  }
  memcpy(information, &mode, sizeof mode);
  return 0;
}

static LONG NTAPI module__version(OSVERSIONINFOW* version) {
  OSVERSIONINFOEXW* more = (OSVERSIONINFOEXW*)version;
  RULE("RtlGetVersion() is given the size of its struct",
       version->dwOSVersionInfoSize == sizeof *more);
  more->wProductType = habits.is_client ? VER_NT_WORKSTATION : VER_NT_SERVER;
  bool is_10 = habits.build >= BUILD_10;
  version->dwMajorVersion = is_10 ? 10 : 6;
  version->dwMinorVersion = is_10 ? 0 : 3;
  version->dwBuildNumber = habits.build;
  return 0;
}

static const char* module__wine_version(void) { return "10.0"; }

HMODULE WINAPI GetModuleHandleW(const WCHAR* name) {
  RULE("only ntdll.dll is requested", wcscmp(name, L"ntdll.dll") == 0);
  return habits.has_ntdll ? (HMODULE)&habits : NULL;
}

BOOL WINAPI GetModuleHandleExW(DWORD flags,
                               const WCHAR* name,
                               HMODULE* module) {
  RULE("a module is pinned by an address in it",
       flags == (GET_MODULE_HANDLE_EX_FLAG_PIN |
                 GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS) &&
           name != NULL);
  if (habits_fault(habits.memory_faults))
    return kernel_fail(ERROR_NOT_ENOUGH_MEMORY);
  *module = (HMODULE)&habits;
  return TRUE;
}

/* The reference counts of loaded modules. */
static uint32_t module__uses[2];
enum { MODULE__IPHLPAPI, MODULE__ADVAPI32 };

/* Tables of addresses that were not freed. */
static uint32_t module__tables;

void module_open(void) {
  memset(module__uses, 0, sizeof module__uses);
  module__tables = 0;
  module__has_winsock = false;
}

void module_check(void) {
  RULE("every table of addresses is freed", module__tables == 0);
  RULE("every module that is loaded is freed",
       module__uses[0] == 0 && module__uses[1] == 0);
}

bool module_has_advapi32(void) { return module__uses[MODULE__ADVAPI32] != 0; }

HMODULE WINAPI LoadLibraryExW(const WCHAR* name, HANDLE file, DWORD flags) {
  kernel_enter();
  bool is_advapi32 = wcscmp(name, L"advapi32.dll") == 0;
  /* Otherwise a module of that name in another folder may be loaded. */
  RULE("a module is loaded from the system's folder",
       (is_advapi32 || wcscmp(name, L"iphlpapi.dll") == 0) && file == NULL &&
           flags == LOAD_LIBRARY_SEARCH_SYSTEM32);
  if (habits_fault(habits.memory_faults)) {
    kernel_fail(ERROR_NOT_ENOUGH_MEMORY);
    return NULL;
  }
  module__uses[is_advapi32]++;
  return (HMODULE)&module__uses[is_advapi32];
}

BOOL WINAPI FreeLibrary(HMODULE module) {
  bool is_advapi32 = module == (HMODULE)&module__uses[MODULE__ADVAPI32];
  RULE("a module is freed once",
       (is_advapi32 || module == (HMODULE)&module__uses[MODULE__IPHLPAPI]) &&
           module__uses[is_advapi32] != 0);
  module__uses[is_advapi32]--;
  return TRUE;
}

/* ---- the addresses of the interfaces */

struct module__row {
  struct iocp_address address;
  uint32_t index;
  NL_DAD_STATE state;
};

/* Both interfaces have the same link-local address. The IPv4 address that the
 * second one was given first is a duplicate, and so is not in use. */
static const struct module__row module__rows[] = {
    {{.family = 4, .bytes = {127, 0, 0, 1}}, 1, IpDadStatePreferred},
    {{.family = 6, .bytes = {[15] = 1}}, 1, IpDadStatePreferred},
    {{.family = 6, .scope = 1, .bytes = {0xfe, 0x80, [15] = 1}},
     1,
     IpDadStatePreferred},
    {{.family = 4, .bytes = {10, 0, 0, 1}}, 2, IpDadStateDuplicate},
    {{.family = 4, .bytes = {10, 0, 0, 2}}, 2, IpDadStatePreferred},
    {{.family = 6, .scope = 2, .bytes = {0xfe, 0x80, [15] = 1}},
     2,
     IpDadStatePreferred}};

#define MODULE__ROWS (sizeof module__rows / sizeof module__rows[0])

uint32_t module_interface(uint32_t name) {
  uint32_t index = htonl(name);
  if (index <= 0xffffff) return index <= 2 ? index : MODULE_NO_INTERFACE;
  for (uint32_t i = 0; i < MODULE__ROWS; i++)
    if (module__rows[i].address.family == 4 &&
        module__rows[i].state == IpDadStatePreferred &&
        memcmp(module__rows[i].address.bytes, &name, sizeof name) == 0)
      return module__rows[i].index;
  return MODULE_NO_INTERFACE;
}

static DWORD WINAPI module__get_addresses(ADDRESS_FAMILY family,
                                          MIB_UNICASTIPADDRESS_TABLE** table) {
  kernel_enter();
  RULE("the addresses of both families are requested", family == AF_UNSPEC);
  if (habits_fault(habits.kernel_faults)) return ERROR_NOT_ENOUGH_MEMORY;
  MIB_UNICASTIPADDRESS_TABLE* made =
      calloc(1, sizeof *made + MODULE__ROWS * sizeof *made->Table);
  if (made == NULL) abort();
  made->NumEntries = MODULE__ROWS;
  for (uint32_t i = 0; i < MODULE__ROWS; i++) {
    SOCKADDR* name = (SOCKADDR*)(void*)&made->Table[i].Address;
    sock_address_out(
        &module__rows[i].address, name, sizeof made->Table[i].Address);
    made->Table[i].InterfaceIndex = module__rows[i].index;
    made->Table[i].DadState = module__rows[i].state;
  }
  module__tables++;
  *table = made;
  return NO_ERROR;
}

static VOID WINAPI module__free_addresses(void* table) {
  module__tables--;
  free(table);
}

/* Since Windows Vista; a layer for old programs may hide them. */
static FARPROC module__of_addresses(const char* name) {
  FARPROC function = NULL;
  if (habits_fault(habits.lookups)) return NULL;
  DWORD(WINAPI * get)
  (ADDRESS_FAMILY, MIB_UNICASTIPADDRESS_TABLE**) = module__get_addresses;
  VOID(WINAPI * free_table)(void*) = module__free_addresses;
  if (strcmp(name, "GetUnicastIpAddressTable") == 0)
    memcpy(&function, &get, sizeof function);
  else
    memcpy(&function, &free_table, sizeof function);
  return function;
}

static FARPROC module__of_iphlpapi(const char* name) {
  FARPROC function = NULL;
  if (strcmp(name, "GetUnicastIpAddressTable") == 0 ||
      strcmp(name, "FreeMibTable") == 0)
    return module__of_addresses(name);
  DWORD(WINAPI * get)
  (void*, DWORD*, BOOL, ULONG, TCP_TABLE_CLASS, ULONG) = bind_get_tcp_table;
  RULE("a function of iphlpapi.dll is looked up while it is loaded",
       module__uses[MODULE__IPHLPAPI] != 0 &&
           strcmp(name, "GetExtendedTcpTable") == 0);
  memcpy(&function, &get, sizeof function);
  return function;
}

FARPROC WINAPI GetProcAddress(HMODULE module, const char* name) {
  FARPROC function = NULL;
  if (module == (HMODULE)&module__uses[MODULE__IPHLPAPI])
    return module__of_iphlpapi(name);
  if (module == (HMODULE)&module__uses[MODULE__ADVAPI32])
    return security_function(name);
  RULE("a function is looked up in a module", module == (HMODULE)&habits);
  if (strcmp(name, "NtSetInformationFile") == 0) {
    LONG(NTAPI * set)(HANDLE, void*, void*, ULONG, int) =
        module__set_information;
    memcpy(&function, &set, sizeof function);
  } else if (strcmp(name, "NtQueryInformationFile") == 0) {
    LONG(NTAPI * query)(HANDLE, void*, void*, ULONG, int) =
        module__query_information;
    memcpy(&function, &query, sizeof function);
  } else if (strcmp(name, "RtlDllShutdownInProgress") == 0) {
    BOOLEAN(NTAPI * state)(void) = thread_is_exiting;
    memcpy(&function, &state, sizeof function);
  } else if (strcmp(name, "RtlGetVersion") == 0) {
    LONG(NTAPI * version)(OSVERSIONINFOW*) = module__version;
    memcpy(&function, &version, sizeof function);
  } else if (strcmp(name, "wine_get_version") == 0 && habits.is_wine) {
    const char* (*version)(void) = module__wine_version;
    memcpy(&function, &version, sizeof function);
  }
  return function;
}

/* ---- name resolution */

/* One result. The caller's part comes first. */
struct module__address {
  ADDRINFOW info;
  SOCKADDR_STORAGE name;
};

static ADDRINFOW* module__result(const struct iocp_address* address,
                                 ADDRINFOW* next) {
  struct module__address* result = calloc(1, sizeof *result);
  if (result == NULL) abort();
  SOCKADDR* name = (SOCKADDR*)(void*)&result->name;
  result->info.ai_addrlen =
      (size_t)sock_address_out(address, name, sizeof result->name);
  result->info.ai_addr = name;
  result->info.ai_next = next;
  return &result->info;
}

/* A namespace service provider, which others have installed, may return
 * families that the library does not know. */
static void module__spoil(ADDRINFOW* first) {
  ADDRINFOW* second = first->ai_next;
  uint32_t what = tape_choose(6);
  if (what == 1 || what == 2) first->ai_addr->sa_family = AF_UNIX;
  if (what == 2) second->ai_addr->sa_family = AF_UNIX;
  if (what == 3 || what == 5) first->ai_addrlen = 2;
  if (what == 4 || what == 5) second->ai_addrlen = 2;
}

int GetAddrInfoW(const WCHAR* node,
                 const WCHAR* service,
                 const ADDRINFOW* hints,
                 ADDRINFOW** result) {
  static const struct iocp_address v4 = {.family = 4, .bytes = {127, 0, 0, 1}};
  static const struct iocp_address v6 = {.family = 6, .bytes = {[15] = 1}};
  kernel_enter();
  /* "A successful WSAStartup call must occur before using this function"
   * (GetAddrInfoW(), WSANOTINITIALISED). */
  RULE("Winsock is started before a name is looked up", module__has_winsock);
  RULE("a name is looked up for streams",
       service == NULL && hints->ai_socktype == SOCK_STREAM);
  if (wcscmp(node, L"localhost") != 0 || habits_fault(habits.kernel_faults))
    return WSAHOST_NOT_FOUND;
  *result = module__result(&v6, module__result(&v4, NULL));
  module__spoil(*result);
  return 0;
}

void FreeAddrInfoW(ADDRINFOW* result) {
  while (result != NULL) {
    ADDRINFOW* next = result->ai_next;
    free(result);
    result = next;
  }
}
