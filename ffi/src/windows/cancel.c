/* SPDX-License-Identifier: MIT */
/* The last steps of a close: canceling what is in flight, closing the handle.
 */
#include "accept.h"
#include "borrow.h"
#include "datagram_receive.h"
#include "engine.h"
#include "errors.h"
#include "handle.h"
#include "pipe.h"
#include "receive_list.h"
#include "retry.h"
#include "unix_file.h"
#include "winsock.h"

static void cancel__close(struct engine_socket* engine, bool reset) {
  if (engine->handle == INVALID_SOCKET) return;
  if (reset) handle_set_reset(engine->handle, true);
  /* Never with a linger time: closesocket() would block, or fail on a
   * non-blocking socket. */
  closesocket(engine->handle);
  engine->handle = INVALID_SOCKET;
}

/* A handle with operations in flight cannot be detached. */
static void cancel__fail_detach(struct socket* socket, DWORD native) {
  socket->close_reset = true;
  socket->close_result = errors_of(native);
  socket->detail = (int32_t)native;
}

bool engine_is_idle(const struct socket* socket) {
  const struct engine_socket* engine = &socket->engine;
  return engine->accepts_posted == 0 && engine->receives_in_flight == 0 &&
         engine->sends_in_flight == 0 && !engine->out.in_flight;
}

void engine_cancel(struct socket* socket) {
  struct engine_socket* engine = &socket->engine;
  retry_cancel(socket);
  if (pipe_is(socket)) {
    pipe_cancel(socket);
    return;
  }
  if (socket->is_borrowed) {
    borrow_cancel(socket);
    return;
  }
  if (socket->is_listener) {
    accept_cancel_all(socket);
    cancel__close(engine, false);
    /* The file of an adopted one is its maker's. */
    if (socket_is_local(socket) && socket->path != NULL)
      unix_file_remove(socket);
    return;
  }
  if (engine_is_idle(socket) || engine->handle == INVALID_SOCKET) return;
  /* Every operation still queues its packet. ERROR_NOT_FOUND means that it has
   * done so already. */
  DWORD native = CancelIoEx((HANDLE)engine->handle, NULL) ? 0 : GetLastError();
  bool is_canceled = native == 0 || native == ERROR_NOT_FOUND;
  /* Only closing the handle is certain to end connects and sends, whose results
   * are not needed any more; the same if the cancel failed. */
  if (!is_canceled && socket->close_detach) cancel__fail_detach(socket, native);
  if (socket->close_reset || engine->out.in_flight ||
      engine->sends_in_flight != 0 || !is_canceled)
    cancel__close(engine, socket->close_reset);
}

void engine_close_handle(struct socket* socket, bool reset) {
  if (socket->is_borrowed) borrow_return(socket);
  if (pipe_is(socket))
    pipe_close(socket, reset);
  else
    cancel__close(&socket->engine, reset);
}

void engine_close_socket(struct socket* socket, bool reset) {
  retry_cancel(socket);
  receive_list_discard(socket);
  if (socket->is_datagram) datagram_receive_discard(socket);
  engine_close_handle(socket, reset);
}

uint32_t engine_release(struct socket* socket) {
  SOCKET handle = socket->engine.handle;
  retry_cancel(socket);
  receive_list_discard(socket);
  winsock_remove_from_port(handle);
  socket->engine.handle = INVALID_SOCKET;
  /* Only the low 32 bits of a handle are significant ("Interprocess
   * Communication Between 32-bit and 64-bit Applications"). */
  return (uint32_t)handle;
}
