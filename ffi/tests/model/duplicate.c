/* SPDX-License-Identifier: MIT */
/*
 * Passing sockets to other processes, of which the model has one. What that one
 * does with a socket is not seen here.
 */
#include "duplicate.h"

#include <winsock2.h>

#include "habits.h"
#include "kernel.h"
#include "report.h"
#include "sock.h"

DWORD WINAPI GetCurrentProcessId(void) { return DUPLICATE_OWN; }

/* "WSADuplicateSocketW function": WSAENOTSOCK, WSAEINVAL for a wrong parameter,
 * WSAEMFILE, WSAENOBUFS. The handle and its modes stay as they are. */
int WSADuplicateSocketW(SOCKET handle, DWORD process, WSAPROTOCOL_INFOW* info) {
  kernel_enter();
  if (sock_find(handle, "WSADuplicateSocketW") == NULL) return SOCKET_ERROR;
  RULE("a socket is passed to another process", process != DUPLICATE_OWN);
  if (process != DUPLICATE_OTHER) return kernel_fail(WSAEINVAL), SOCKET_ERROR;
  if (habits_fault(habits.handle_faults))
    return kernel_fail(WSAEMFILE), SOCKET_ERROR;
  if (habits_fault(habits.kernel_faults))
    return kernel_fail(WSAENOBUFS), SOCKET_ERROR;
  info->dwServiceFlags1 = XP1_IFS_HANDLES;
  kernel_succeed();
  return 0;
}

/* "The special WSAPROTOCOL_INFO structure can only be used once by the target
 * process": none that exists here was made for this process. */
SOCKET duplicate_take(DWORD flags) {
  RULE("a socket that is taken is not inherited by children",
       (flags & WSA_FLAG_NO_HANDLE_INHERIT) != 0);
  kernel_fail(WSAEINVAL);
  return INVALID_SOCKET;
}
