/* SPDX-License-Identifier: MIT */
#include "borrow.h"

#include "accept.h"
#include "errors.h"
#include "file_mode.h"
#include "handle.h"
#include "identity.h"
#include "receive.h"
#include "receive_list.h"
#include "winsock.h"

/* ---- claiming */

/* `error` says that the handle is not of the kind that is borrowed, which only
 * an answer of the system shows. */
static int32_t borrow__fail(int32_t error) {
  return identity_is_unknown() ? errors_of((DWORD)WSAGetLastError()) : error;
}

static int32_t borrow__check_stream(struct borrow* borrow) {
  return identity_local(borrow->handle, &borrow->identity.local) &&
                 identity_peer(borrow->handle, &borrow->identity.peer)
             ? 0
             : borrow__fail(-IOCP_ENOTCONN);
}

static int32_t borrow__check_listener(struct borrow* borrow) {
  BOOL listens = FALSE;
  int length = sizeof listens;
  if (getsockopt(borrow->handle,
                 SOL_SOCKET,
                 SO_ACCEPTCONN,
                 (char*)&listens,
                 &length) != 0)
    return borrow__fail(-IOCP_EINVAL);
  if (!listens) return -IOCP_EINVAL;
  return identity_local(borrow->handle, &borrow->identity.local)
             ? 0
             : borrow__fail(-IOCP_EINVAL);
}

/* Returns 0 or -IOCP_E... */
static int32_t borrow__check(struct borrow* borrow, bool is_listener) {
  int type = 0;
  int length = sizeof type;
  if (getsockopt(borrow->handle, SOL_SOCKET, SO_TYPE, (char*)&type, &length) !=
      0)
    return errors_of((DWORD)WSAGetLastError());
  if (type != SOCK_STREAM) return is_listener ? -IOCP_EINVAL : -IOCP_ENOTCONN;
  return is_listener ? borrow__check_listener(borrow)
                     : borrow__check_stream(borrow);
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
  /* The call fails with this error for a handle that is already on a port, and
   * for one that is not overlapped. */
  return file_mode_is_synchronous((HANDLE)borrow->handle) ? -IOCP_ENOTSUP
                                                          : -IOCP_EEXIST;
}

int32_t engine_borrow_enter(struct socket* socket) {
  const struct borrow* borrow = &socket->borrow;
  socket->engine.handle = borrow->handle;
  socket->family = (uint8_t)borrow->identity.local.family;
  list_open(&socket->engine.posted);
  list_open(&socket->engine.accepted);
  receive_list_open(socket);
  /* No mode is set here: it would stay set after the handle is returned. */
  handle_query_modes(socket, borrow->handle, borrow->identity.is_ifs);
  if (socket->is_listener) {
    const struct engine_provider* provider =
        winsock_provider(socket->port, socket->family, borrow->handle);
    if (!winsock_accepts(provider))
      return winsock_missing(socket->port, provider);
  }
  return engine_check_handle(socket);
}

iocp_os_socket engine_release_accepted(struct socket* accepted) {
  SOCKET handle = accepted->engine.handle;
  accepted->engine.handle = INVALID_SOCKET;
  return handle;
}

/* ---- closing */

/* Only the library's own operations are canceled. If the handle is closed, they
 * have ended already. */
void borrow_cancel(struct socket* socket) {
  if (!socket->is_listener) {
    receive_cancel(socket);
    return;
  }
  accept_cancel_all(socket);
}

void borrow_return(struct socket* socket) {
  socket->engine.handle = INVALID_SOCKET;
}
