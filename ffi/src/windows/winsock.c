/* SPDX-License-Identifier: MIT */
#include "winsock.h"

#include "errors.h"
#include "memory.h"

static INIT_ONCE winsock__once = INIT_ONCE_STATIC_INIT;

static BOOL CALLBACK winsock__start_once(INIT_ONCE* once,
                                         void* result,
                                         void** context) {
  WSADATA data;
  (void)once;
  (void)context;
  *(int*)result = WSAStartup(MAKEWORD(2, 2), &data);
  return *(int*)result == 0;
}

int winsock_start(void) {
  int result = 0;
  /* After a failure, the next call tries again. */
  InitOnceExecuteOnce(&winsock__once, winsock__start_once, &result, NULL);
  return result;
}

int winsock_is_ifs(SOCKET handle) {
  WSAPROTOCOL_INFOW info;
  int length = sizeof info;
  if (getsockopt(
          handle, SOL_SOCKET, SO_PROTOCOL_INFOW, (char*)&info, &length) != 0)
    return -1;
  /* The sockets of a layered provider (LSP) may not be file handles. Then a
   * packet follows a success at once, whatever the modes (Microsoft's KB
   * 2568167; libuv checks the same flag). */
  return (info.dwServiceFlags1 & XP1_IFS_HANDLES) != 0;
}

/* Returns 0, or Winsock's error with the function unchanged. */
static DWORD winsock__load(SOCKET handle,
                           GUID id,
                           void* function_out,
                           DWORD size) {
  DWORD length;
  if (WSAIoctl(handle,
               SIO_GET_EXTENSION_FUNCTION_POINTER,
               &id,
               sizeof id,
               function_out,
               size,
               &length,
               NULL,
               NULL) == 0)
    return 0;
  return (DWORD)WSAGetLastError();
}

static struct engine_provider* winsock__provider(struct port* port,
                                                 unsigned family) {
  return &port->engine.providers[family == IOCP_UNIX ? 2 : family == IOCP_IPV6];
}

LPFN_TRANSMITFILE winsock_transmit_file(struct port* port,
                                        unsigned family,
                                        SOCKET handle) {
  static const GUID transmit_file = WSAID_TRANSMITFILE;
  struct engine_provider* provider = winsock__provider(port, family);
  /* After a failure, the next call tries again. */
  if (provider->transmit_file == NULL)
    winsock__load(handle,
                  transmit_file,
                  &provider->transmit_file,
                  sizeof provider->transmit_file);
  return provider->transmit_file;
}

const struct engine_provider* winsock_provider(struct port* port,
                                               unsigned family,
                                               SOCKET handle) {
  static const GUID accept_ex = WSAID_ACCEPTEX;
  static const GUID connect_ex = WSAID_CONNECTEX;
  static const GUID sockaddrs = WSAID_GETACCEPTEXSOCKADDRS;
  struct engine_provider* provider = winsock__provider(port, family);
  DWORD failures[3] = {0, 0, 0};
  if (provider->is_known) return provider;
  /* A look-up may fail because memory is short, so what is missing is looked up
   * again in the next call. */
  if (provider->accept_ex == NULL)
    failures[0] = winsock__load(
        handle, accept_ex, &provider->accept_ex, sizeof provider->accept_ex);
  if (provider->connect_ex == NULL)
    failures[1] = winsock__load(
        handle, connect_ex, &provider->connect_ex, sizeof provider->connect_ex);
  if (provider->get_accept_ex_sockaddrs == NULL)
    failures[2] = winsock__load(handle,
                                sockaddrs,
                                &provider->get_accept_ex_sockaddrs,
                                sizeof provider->get_accept_ex_sockaddrs);
  provider->native = 0;
  for (int i = 0; i < 3; i++)
    if (failures[i] != 0) provider->native = failures[i];
  int is_ifs = winsock_is_ifs(handle);
  provider->is_ifs = is_ifs == 1;
  provider->is_known = provider->native == 0 && is_ifs >= 0;
  return provider;
}

int32_t winsock_missing(struct port* port,
                        const struct engine_provider* provider) {
  /* The errors of WSAIoctl() for a function that the provider does not have. */
  if (provider->native == WSAEINVAL || provider->native == WSAEOPNOTSUPP)
    return port_fail(port, -IOCP_ENOTSUP, (int32_t)provider->native);
  return errors_fail(port, provider->native);
}

bool winsock_accepts(const struct engine_provider* provider) {
  return provider->accept_ex != NULL &&
         provider->get_accept_ex_sockaddrs != NULL;
}

/* NtSetInformationFile() and its argument, which the user-mode headers lack
 * (documented in ntifs.h, FILE_COMPLETION_INFORMATION: since Windows 8.1 a port
 * of NULL removes the handle from its port). */
#define WINSOCK__REPLACE_COMPLETION 61
struct winsock__completion {
  HANDLE port;
  void* key;
};
struct winsock__io_status {
  ULONG_PTR status;
  ULONG_PTR information;
};
typedef LONG(NTAPI* winsock__set_information)(
    HANDLE, struct winsock__io_status*, void*, ULONG, int);

void winsock_remove_from_port(SOCKET handle) {
  struct winsock__io_status status;
  struct winsock__completion none = {NULL, NULL};
  winsock__set_information set;
  HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  FARPROC function =
      ntdll == NULL ? NULL : GetProcAddress(ntdll, "NtSetInformationFile");
  /* If it is missing or fails, the next port uses relays; see relay.h. */
  if (function == NULL) return;
  memory_copy(&set, &function, sizeof set);
  set((HANDLE)handle, &status, &none, sizeof none, WINSOCK__REPLACE_COMPLETION);
}

/* Wine 10.0 reports a non-blocking send as complete when its host accepted a
 * part, and sends the rest later by itself; but it drops that rest when the
 * peer's FIN arrives while a receive is pending. A program of thirty lines
 * without this library shows it. Overlapped sends are not affected. */
bool winsock_truncates_sends(void) {
  HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  return ntdll != NULL && GetProcAddress(ntdll, "wine_get_version") != NULL;
}

/* RtlGetVersion() returns the version of Windows, and GetVersionEx() the one
 * that the program's manifest declares (their documentation). */
typedef LONG(NTAPI* winsock__get_version)(OSVERSIONINFOW*);

/* False: it cannot be asked. */
static bool winsock__version(OSVERSIONINFOEXW* version_out) {
  winsock__get_version get;
  HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  FARPROC function =
      ntdll == NULL ? NULL : GetProcAddress(ntdll, "RtlGetVersion");
  if (function == NULL) return false;
  memory_copy(&get, &function, sizeof get);
  memory_zero(version_out, sizeof *version_out);
  version_out->dwOSVersionInfoSize = sizeof *version_out;
  /* It always succeeds. */
  get((OSVERSIONINFOW*)version_out);
  return true;
}

/* Since Windows 10 version 1709 SIO_TCP_INITIAL_RTO knows
 * TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS; before, the same number meant 254
 * retransmissions. libuv checks the same build (src/win/tcp.c). */
#define WINSOCK__BUILD_1709 16299

bool winsock_can_disable_syn_retries(void) {
  OSVERSIONINFOEXW version;
  /* Later versions have higher builds. */
  return winsock__version(&version) &&
         version.dwBuildNumber >= WINSOCK__BUILD_1709;
}

bool winsock_limits_transmits(void) {
  OSVERSIONINFOEXW version;
  /* Wine reports a client edition, and has no such limit. */
  if (winsock_truncates_sends()) return false;
  return !winsock__version(&version) ||
         version.wProductType == VER_NT_WORKSTATION;
}
