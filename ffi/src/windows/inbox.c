/* SPDX-License-Identifier: MIT */
/*
 * Passing sockets: WSADuplicateSocketW() makes a handle in another process, and
 * a structure with which that process gets it. The address of an inbox is the
 * id of the process, and the ticket is the structure.
 */
#include "engine.h"
#include "errors.h"
#include "handle.h"
#include "memory.h"
#include "pipe.h"

/* Distinguishes addresses from other bytes. */
#define INBOX__MARK 0x78626e69u

struct inbox__address {
  DWORD mark;
  DWORD pid;
};

_Static_assert(sizeof(struct inbox__address) <= IOCP_INBOX_MAX, "too large");
_Static_assert(sizeof(WSAPROTOCOL_INFOW) <= IOCP_TICKET_MAX, "too large");

int32_t engine_inbox(struct port* port, void* address) {
  struct inbox__address own = {INBOX__MARK, GetCurrentProcessId()};
  (void)port;
  memory_copy(address, &own, sizeof own);
  return sizeof own;
}

/* Returns 0 or an error. */
static int32_t inbox__check(struct port* port,
                            double os_socket,
                            SOCKET* handle_out) {
  int type;
  int length = sizeof type;
  if (!handle_of_number(os_socket, handle_out))
    return port_fail(port, -IOCP_EINVAL, 0);
  if (getsockopt(*handle_out, SOL_SOCKET, SO_TYPE, (char*)&type, &length) == 0)
    return 0;
  return errors_fail(port, (DWORD)WSAGetLastError());
}

int32_t engine_pass(struct port* port,
                    double os_socket,
                    const void* address,
                    uint32_t length,
                    void* ticket) {
  struct inbox__address to;
  WSAPROTOCOL_INFOW info;
  SOCKET handle;
  if (length != sizeof to) return port_fail(port, -IOCP_EINVAL, 0);
  memory_copy(&to, address, sizeof to);
  if (to.mark != INBOX__MARK) return port_fail(port, -IOCP_EINVAL, 0);
  int32_t result = inbox__check(port, os_socket, &handle);
  if (result < 0) return result;
  if (WSADuplicateSocketW(handle, to.pid, &info) == 0) {
    memory_copy(ticket, &info, sizeof info);
    return sizeof info;
  }
  DWORD native = (DWORD)WSAGetLastError();
  /* "One of the specified parameters was invalid": there is no such process. */
  if (native == WSAEINVAL)
    return port_fail(port, -IOCP_ECONNREFUSED, WSAEINVAL);
  return errors_fail(port, native);
}

double engine_listener_handle(struct socket* listener) {
  if (!pipe_is(listener)) return (double)listener->engine.handle;
  return port_fail(listener->port, -IOCP_ENOTSUP, 0);
}

int32_t engine_take(struct port* port, const void* ticket, uint32_t length) {
  WSAPROTOCOL_INFOW info;
  if (length != sizeof info) return port_fail(port, -IOCP_EINVAL, 0);
  memory_copy(&info, ticket, sizeof info);
  SOCKET handle = WSASocketW(FROM_PROTOCOL_INFO,
                             FROM_PROTOCOL_INFO,
                             FROM_PROTOCOL_INFO,
                             &info,
                             0,
                             WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  if (handle == INVALID_SOCKET) {
    DWORD native = (DWORD)WSAGetLastError();
    /* It was used before, or is one of another process. */
    if (native == WSAEINVAL)
      return port_fail(port, -IOCP_ENOENT, (int32_t)native);
    return errors_fail(port, native);
  }
  /* A process has at most 2^24 handles, whose values are multiples of four
   * ("Kernel objects"). */
  return (int32_t)handle;
}

int32_t engine_drop(struct port* port, double os_socket) {
  SOCKET handle;
  if (!handle_of_number(os_socket, &handle))
    return port_fail(port, -IOCP_EINVAL, 0);
  if (closesocket(handle) == 0) return 0;
  /* WSAENOTSOCK: it is no socket, and stays open (closesocket()). */
  return errors_fail(port, (DWORD)WSAGetLastError());
}
