/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include "address.h"
#include "engine.h"
#include "errors.h"
#include "memory.h"

static bool identity__is_same(const struct iocp_address* a,
                              const struct iocp_address* b) {
  return memory_compare(a, b, sizeof *a) == 0;
}

bool identity_local(SOCKET handle, struct iocp_address* address_out) {
  SOCKADDR_STORAGE system;
  int length = sizeof system;
  if (getsockname(handle, (SOCKADDR*)&system, &length) != 0) return false;
  if (address_from_system((SOCKADDR*)&system, length, address_out)) return true;
  WSASetLastError(WSAEAFNOSUPPORT);
  return false;
}

bool identity_is_unknown(void) {
  int native = WSAGetLastError();
  return native == WSAENOBUFS || native == WSAENETDOWN;
}

bool identity_peer(SOCKET handle, struct iocp_address* address_out) {
  SOCKADDR_STORAGE system;
  int length = sizeof system;
  if (getpeername(handle, (SOCKADDR*)&system, &length) != 0) return false;
  address_from_system((SOCKADDR*)&system, length, address_out);
  return true;
}

int32_t engine_check_handle(const struct socket* socket) {
  const struct borrow* borrow = &socket->borrow;
  struct iocp_address is;
  if (!identity_local(borrow->handle, &is))
    return identity_is_unknown() ? errors_of((DWORD)WSAGetLastError())
                                 : -IOCP_ECANCELED;
  if (!identity__is_same(&is, &borrow->identity.local)) return -IOCP_ECANCELED;
  /* A connection that was reset has no peer any more, but is still the same. */
  return !socket->is_listener && identity_peer(borrow->handle, &is) &&
                 !identity__is_same(&is, &borrow->identity.peer)
             ? -IOCP_ECANCELED
             : 0;
}
