/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include "address.h"
#include "engine.h"
#include "memory.h"

static bool identity__is_same(const struct iocp_address* a,
                              const struct iocp_address* b) {
  return memory_compare(a, b, sizeof *a) == 0;
}

bool identity_local(SOCKET handle, struct iocp_address* address_out) {
  SOCKADDR_STORAGE system;
  int length = sizeof system;
  return getsockname(handle, (SOCKADDR*)&system, &length) == 0 &&
         address_from_system((SOCKADDR*)&system, length, address_out);
}

bool identity_peer(SOCKET handle, struct iocp_address* address_out) {
  SOCKADDR_STORAGE system;
  int length = sizeof system;
  if (getpeername(handle, (SOCKADDR*)&system, &length) != 0) return false;
  address_from_system((SOCKADDR*)&system, length, address_out);
  return true;
}

bool engine_handle_is_stale(const struct socket* socket) {
  const struct borrow* borrow = &socket->borrow;
  struct iocp_address is;
  if (!identity_local(borrow->handle, &is) ||
      !identity__is_same(&is, &borrow->identity.local))
    return true;
  /* A connection that was reset has no peer any more, but is still the same. */
  return !socket->is_listener && identity_peer(borrow->handle, &is) &&
         !identity__is_same(&is, &borrow->identity.peer);
}
