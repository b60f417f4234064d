/* SPDX-License-Identifier: MIT */
#include "winsock.h"

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
  /* After a failure the next call tries again. */
  InitOnceExecuteOnce(&winsock__once, winsock__start_once, &result, NULL);
  return result;
}

int winsock_is_ifs(SOCKET handle) {
  WSAPROTOCOL_INFOW info;
  int length = sizeof info;
  if (getsockopt(
          handle, SOL_SOCKET, SO_PROTOCOL_INFOW, (char*)&info, &length) != 0)
    return -1;
  /* A layered provider (LSP) may make sockets that are none: a packet then
   * follows a success all the same, and waiting for none would lose it
   * (Microsoft's KB 2568167; libuv looks at the same flag). */
  return (info.dwServiceFlags1 & XP1_IFS_HANDLES) != 0;
}

static void winsock__ask(SOCKET handle,
                         GUID id,
                         void* function_out,
                         DWORD size) {
  DWORD length;
  /* On a failure the function stays NULL. */
  WSAIoctl(handle,
           SIO_GET_EXTENSION_FUNCTION_POINTER,
           &id,
           sizeof id,
           function_out,
           size,
           &length,
           NULL,
           NULL);
}

const struct engine_provider* winsock_provider(struct port* port,
                                               unsigned family,
                                               SOCKET handle) {
  static const GUID accept_ex = WSAID_ACCEPTEX;
  static const GUID connect_ex = WSAID_CONNECTEX;
  static const GUID sockaddrs = WSAID_GETACCEPTEXSOCKADDRS;
  struct engine_provider* provider = &port->engine.providers[family == 6];
  if (provider->is_known) return provider;
  winsock__ask(
      handle, accept_ex, &provider->accept_ex, sizeof provider->accept_ex);
  winsock__ask(
      handle, connect_ex, &provider->connect_ex, sizeof provider->connect_ex);
  winsock__ask(handle,
               sockaddrs,
               &provider->get_accept_ex_sockaddrs,
               sizeof provider->get_accept_ex_sockaddrs);
  provider->is_ifs = winsock_is_ifs(handle) == 1;
  provider->is_known = true;
  return provider;
}

bool winsock_accepts(const struct engine_provider* provider) {
  return provider->accept_ex != NULL &&
         provider->get_accept_ex_sockaddrs != NULL;
}

/* What is asked of ntdll.dll, and its information, which the headers for
 * programs do not have. Documented in ntifs.h:
 * FILE_IO_COMPLETION_NOTIFICATION_INFORMATION, which can be asked since Vista,
 * and FILE_COMPLETION_INFORMATION: since Windows 8.1 a port of NULL takes the
 * handle out of its port. */
#define WINSOCK__NOTIFICATION_MODES 41
#define WINSOCK__REPLACE_COMPLETION 61
struct winsock__completion {
  HANDLE port;
  void* key;
};
struct winsock__io_status {
  ULONG_PTR status;
  ULONG_PTR information;
};
/* NtSetInformationFile() and NtQueryInformationFile() look the same. */
typedef LONG(NTAPI* winsock__information)(
    HANDLE, struct winsock__io_status*, void*, ULONG, int);

/* Returns a status, which is negative when it failed. */
static LONG winsock__information_of(const char* function_name,
                                    SOCKET handle,
                                    void* information,
                                    ULONG size,
                                    int kind) {
  struct winsock__io_status status;
  winsock__information call;
  HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  FARPROC function =
      ntdll == NULL ? NULL : GetProcAddress(ntdll, function_name);
  if (function == NULL) return -1;
  memory_copy(&call, &function, sizeof call);
  return call((HANDLE)handle, &status, information, size, kind);
}

int winsock_skips_packets(SOCKET handle) {
  ULONG modes = 0;
  if (winsock__information_of("NtQueryInformationFile",
                              handle,
                              &modes,
                              sizeof modes,
                              WINSOCK__NOTIFICATION_MODES) < 0)
    return -1;
  return (modes & FILE_SKIP_COMPLETION_PORT_ON_SUCCESS) != 0;
}

void winsock_leave_port(SOCKET handle) {
  struct winsock__completion none = {NULL, NULL};
  /* Where it is missing or refused, the next port finds a way; see relay.h. */
  winsock__information_of("NtSetInformationFile",
                          handle,
                          &none,
                          sizeof none,
                          WINSOCK__REPLACE_COMPLETION);
}

/* Wine 10.0 says that a non-blocking send was taken whole when its host took a
 * part, and sends the rest by itself later; when the peer's FIN comes while a
 * receive is pending, it forgets the rest. A program of thirty lines without
 * this library shows it. Overlapped sends are sound. */
bool winsock_loses_sends(void) {
  HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  return ntdll != NULL && GetProcAddress(ntdll, "wine_get_version") != NULL;
}
