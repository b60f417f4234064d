/* SPDX-License-Identifier: MIT */
/* The kernel lets go of a socket: what is in flight ends, and its handle. */
#include "accept.h"
#include "borrow.h"
#include "engine.h"
#include "errors.h"
#include "handle.h"
#include "receive.h"
#include "retry.h"
#include "winsock.h"

static void cancel__close(struct engine_socket* engine, bool reset) {
  if (engine->handle == INVALID_SOCKET) return;
  if (reset) handle_set_reset(engine->handle, true);
  /* Never with a linger time: that blocks, or fails where it must not block. */
  closesocket(engine->handle);
  engine->handle = INVALID_SOCKET;
}

/* A handle with something in flight cannot be given back. */
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
  retry_forget(socket);
  if (socket->is_borrowed) {
    borrow_cancel(socket);
    return;
  }
  if (socket->is_listener) {
    accept_forget(socket);
    cancel__close(engine, false);
    return;
  }
  if (engine_is_idle(socket) || engine->handle == INVALID_SOCKET) return;
  /* Every packet still comes. ERROR_NOT_FOUND says that it is in the queue
   * already. */
  DWORD native = CancelIoEx((HANDLE)engine->handle, NULL) ? 0 : GetLastError();
  bool was_told = native == 0 || native == ERROR_NOT_FOUND;
  /* What connects, or is on its way out, ends for certain only with its handle,
   * and there is nothing left to be saved; so does what cannot be canceled. */
  if (!was_told && socket->close_detach) cancel__fail_detach(socket, native);
  if (socket->close_reset || engine->out.in_flight ||
      engine->sends_in_flight != 0 || !was_told)
    cancel__close(engine, socket->close_reset);
}

void engine_close_socket(struct socket* socket, bool reset) {
  struct engine_socket* engine = &socket->engine;
  retry_forget(socket);
  receive_forget(socket);
  if (socket->is_borrowed) borrow_return(socket);
  cancel__close(engine, reset);
}

uint32_t engine_release(struct socket* socket) {
  SOCKET handle = socket->engine.handle;
  retry_forget(socket);
  receive_forget(socket);
  winsock_leave_port(handle);
  socket->engine.handle = INVALID_SOCKET;
  /* Handles have 32 bits that count ("Interprocess Communication Between 32-bit
   * and 64-bit Applications"). */
  return (uint32_t)handle;
}
