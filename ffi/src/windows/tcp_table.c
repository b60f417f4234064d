/* SPDX-License-Identifier: MIT */
#include "tcp_table.h"

#include <ws2tcpip.h>
/* It needs the headers above. */
#include <iphlpapi.h>

#include "address.h"
#include "memory.h"

/* The table may grow after its size was read, so there are a few attempts. */
#define TCP_TABLE__TRIES 4
#define TCP_TABLE__SPARE 4096

typedef DWORD(WINAPI* tcp_table__get)(
    void*, DWORD*, BOOL, ULONG, TCP_TABLE_CLASS, ULONG);

/* Loaded only when it is needed, which is rarely. */
static tcp_table__get tcp_table__load(HMODULE* module_out) {
  tcp_table__get get = NULL;
  HMODULE module =
      LoadLibraryExW(L"iphlpapi.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
  FARPROC function =
      module == NULL ? NULL : GetProcAddress(module, "GetExtendedTcpTable");
  if (function != NULL) memory_copy(&get, &function, sizeof get);
  *module_out = module;
  return get;
}

/* Returns the listeners of a family, which the caller frees, or NULL. */
static void* tcp_table__read(tcp_table__get get, ULONG family) {
  DWORD size = TCP_TABLE__SPARE;
  for (int i = 0; i < TCP_TABLE__TRIES; i++) {
    void* table = memory_alloc(size);
    if (table == NULL) return NULL;
    DWORD native =
        get(table, &size, FALSE, family, TCP_TABLE_OWNER_PID_LISTENER, 0);
    if (native == 0) return table;
    memory_free(table);
    if (native != ERROR_INSUFFICIENT_BUFFER) return NULL;
    size += TCP_TABLE__SPARE;
  }
  return NULL;
}

/* Two addresses of one family overlap when they are equal or one of them is the
 * wildcard. Scopes are ignored, which errs on the safe side. */
static bool tcp_table__overlap(const struct iocp_address* a,
                               const struct iocp_address* b) {
  size_t size = a->family == 4 ? 4 : 16;
  return a->port == b->port &&
         (address_is_wildcard(a) || address_is_wildcard(b) ||
          memory_compare(a->bytes, b->bytes, size) == 0);
}

static bool tcp_table__has_v4(const MIB_TCPTABLE_OWNER_PID* table,
                              const struct iocp_address* address) {
  for (DWORD i = 0; i < table->dwNumEntries; i++) {
    const MIB_TCPROW_OWNER_PID* row = &table->table[i];
    /* "The upper 16 bits may contain uninitialized data" of a port. */
    struct iocp_address listens = {.family = 4,
                                   .port = ntohs((uint16_t)row->dwLocalPort)};
    memory_copy(listens.bytes, &row->dwLocalAddr, 4);
    if (tcp_table__overlap(&listens, address)) return true;
  }
  return false;
}

static bool tcp_table__has_v6(const MIB_TCP6TABLE_OWNER_PID* table,
                              const struct iocp_address* address) {
  for (DWORD i = 0; i < table->dwNumEntries; i++) {
    const MIB_TCP6ROW_OWNER_PID* row = &table->table[i];
    struct iocp_address listens = {.family = 6,
                                   .port = ntohs((uint16_t)row->dwLocalPort)};
    memory_copy(listens.bytes, row->ucLocalAddr, 16);
    if (tcp_table__overlap(&listens, address)) return true;
  }
  return false;
}

static enum tcp_table_answer tcp_table__find(
    tcp_table__get get, const struct iocp_address* address) {
  void* table = tcp_table__read(get, address->family == 4 ? AF_INET : AF_INET6);
  if (table == NULL) return TCP_TABLE_UNKNOWN;
  bool listens = address->family == 4 ? tcp_table__has_v4(table, address)
                                      : tcp_table__has_v6(table, address);
  memory_free(table);
  return listens ? TCP_TABLE_LISTENS : TCP_TABLE_NONE;
}

/* The IPv4 address that a dual-stack IPv6 listener has as well. */
static bool tcp_table__v4_part(const struct iocp_address* address,
                               struct iocp_address* v4_out) {
  *v4_out = (struct iocp_address){.family = 4, .port = address->port};
  if (address->family != 6) return false;
  if (address_is_wildcard(address)) return true;
  if (!address_is_mapped(address)) return false;
  memory_copy(v4_out->bytes, address->bytes + 12, 4);
  return true;
}

enum tcp_table_answer tcp_table_find(const struct iocp_address* address,
                                     bool is_dual_stack) {
  struct iocp_address v4;
  HMODULE module;
  enum tcp_table_answer answer = TCP_TABLE_UNKNOWN;
  tcp_table__get get = tcp_table__load(&module);
  if (get != NULL) answer = tcp_table__find(get, address);
  if (answer == TCP_TABLE_NONE && is_dual_stack &&
      tcp_table__v4_part(address, &v4))
    answer = tcp_table__find(get, &v4);
  if (module != NULL) FreeLibrary(module);
  return answer;
}
