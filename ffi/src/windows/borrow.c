/* SPDX-License-Identifier: MIT */
#include "borrow.h"

#include "accept.h"
#include "address.h"
#include "errors.h"
#include "file_mode.h"
#include "handle.h"
#include "memory.h"
#include "receive.h"
#include "winsock.h"

/* ---- who a handle is */

static bool borrow__is_same(const struct iocp_address* a,
                            const struct iocp_address* b) {
  return memory_compare(a, b, sizeof *a) == 0;
}

static bool borrow__local(SOCKET handle, struct iocp_address* address_out) {
  SOCKADDR_STORAGE system;
  int length = sizeof system;
  return getsockname(handle, (SOCKADDR*)&system, &length) == 0 &&
         address_from_system((SOCKADDR*)&system, length, address_out);
}

static bool borrow__peer(SOCKET handle, struct iocp_address* address_out) {
  SOCKADDR_STORAGE system;
  int length = sizeof system;
  return getpeername(handle, (SOCKADDR*)&system, &length) == 0 &&
         address_from_system((SOCKADDR*)&system, length, address_out);
}

bool engine_is_lost(const struct socket* socket) {
  const struct borrow* borrow = &socket->borrow;
  struct iocp_address is;
  if (!borrow__local(borrow->handle, &is) ||
      !borrow__is_same(&is, &borrow->identity.local))
    return true;
  /* One that has been reset has no peer any more, and is the same still. */
  return !socket->is_listener && borrow__peer(borrow->handle, &is) &&
         !borrow__is_same(&is, &borrow->identity.peer);
}

/* ---- claiming */

/* Returns 0 or -IOCP_E... */
static int32_t borrow__check(struct borrow* borrow, bool is_listener) {
  SOCKET handle = borrow->handle;
  int type = 0;
  BOOL listens = FALSE;
  int length = sizeof type;
  if (getsockopt(handle, SOL_SOCKET, SO_TYPE, (char*)&type, &length) != 0)
    return errors_of((DWORD)WSAGetLastError());
  if (!is_listener)
    return type == SOCK_STREAM &&
                   borrow__peer(handle, &borrow->identity.peer) &&
                   borrow__local(handle, &borrow->identity.local)
               ? 0
               : -IOCP_ENOTCONN;
  length = sizeof listens;
  return type == SOCK_STREAM &&
                 getsockopt(handle,
                            SOL_SOCKET,
                            SO_ACCEPTCONN,
                            (char*)&listens,
                            &length) == 0 &&
                 listens && borrow__local(handle, &borrow->identity.local)
             ? 0
             : -IOCP_EINVAL;
}

int32_t engine_borrow(struct borrow* borrow,
                      struct port* port,
                      bool is_listener) {
  int32_t result = borrow__check(borrow, is_listener);
  if (result < 0) return result;
  int is_ifs = winsock_is_ifs(borrow->handle);
  if (is_ifs < 0) return errors_of((DWORD)WSAGetLastError());
  borrow->identity.is_ifs = is_ifs != 0;
  if (CreateIoCompletionPort(
          (HANDLE)borrow->handle, port->engine.handle, (ULONG_PTR)port, 0) !=
      NULL)
    return 0;
  DWORD native = GetLastError();
  if (native != ERROR_INVALID_PARAMETER) return errors_of(native);
  /* "It is on a port already" has this number, and so has "it is not
   * overlapped". */
  return file_mode_is_synchronous((HANDLE)borrow->handle) ? -IOCP_ENOTSUP
                                                          : -IOCP_EEXIST;
}

int32_t engine_borrow_enter(struct socket* socket) {
  const struct borrow* borrow = &socket->borrow;
  socket->engine.handle = borrow->handle;
  socket->family = (uint8_t)borrow->identity.local.family;
  list_open(&socket->engine.posted);
  list_open(&socket->engine.accepted);
  receive_open(socket);
  /* It is asked for no mode here, for that would stay with the handle when it
   * is its user's alone again. */
  handle_ask_modes(socket, borrow->handle, borrow->identity.is_ifs);
  if (socket->is_listener) {
    const struct engine_provider* provider =
        winsock_provider(socket->port, socket->family, borrow->handle);
    if (!winsock_accepts(provider))
      return winsock_missing(socket->port, provider);
  }
  return engine_is_lost(socket) ? -IOCP_ECANCELED : 0;
}

iocp_os_socket engine_take_handle(struct socket* accepted) {
  SOCKET handle = accepted->engine.handle;
  accepted->engine.handle = INVALID_SOCKET;
  return handle;
}

/* ---- letting go */

/* Only what is the library's own is canceled. It does no harm when the handle
 * is closed, for then its operations have been ended by that. */
void borrow_cancel(struct socket* socket) {
  if (!socket->is_listener) {
    receive_cancel(socket);
    return;
  }
  accept_forget(socket);
}

void borrow_return(struct socket* socket) {
  socket->engine.handle = INVALID_SOCKET;
}
