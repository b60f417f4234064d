/* SPDX-License-Identifier: MIT */
/*
 * Sending: straight from the caller's memory while the kernel takes it, and one
 * operation for what is kept, so that nothing overtakes.
 */
#include "send.h"

#include "completion_port.h"
#include "errors.h"
#include "stream.h"

/* As in receive.c: one error for a connection that has died. */
static int32_t send__error(int32_t error) {
  return error == -IOCP_ECONNABORTED ? -IOCP_ECONNRESET : error;
}

int32_t engine_send(struct socket* socket,
                    const void* buffer,
                    uint32_t length) {
  if (socket->port->engine.loses_sends) return ENGINE_WOULD_BLOCK;
  int count = send(socket->engine.handle, buffer, (int)length, 0);
  if (count >= 0) return count;
  DWORD native = (DWORD)WSAGetLastError();
  if (op_may_be_retried(native)) return ENGINE_WOULD_BLOCK;
  return port_fail(
      socket->port, send__error(errors_of(native)), (int32_t)native);
}

/* The operation is the kernel's no longer. Returns true when more is left to
 * be posted. */
static bool send__reaped(struct socket* socket) {
  LONG status = op_status(&socket->engine.out);
  uint32_t bytes = op_bytes(&socket->engine.out);
  /* A close that has given up tells what becomes of the rest. */
  if (socket->close_phase >= CLOSE_REAPING) {
    socket_ready(socket, READY_CLOSE);
    return false;
  }
  if (status < 0) {
    stream_kept_done(
        socket, send__error(errors_of_status(status)), (int32_t)status);
    return false;
  }
  stream_kept_moved(socket, bytes);
  if (socket->kept_offset < socket->kept_length) return true;
  stream_kept_done(socket, 0, 0);
  return false;
}

/* Posts what is left. Returns true when that completed at once and still more
 * is left. */
static bool send__post(struct socket* socket) {
  struct engine_socket* engine = &socket->engine;
  WSABUF buffer = {.len = socket->kept_length - socket->kept_offset,
                   .buf = (char*)socket->kept + socket->kept_offset};
  op_prepare(&engine->out, ENGINE_SEND);
  int failed = WSASend(
      engine->handle, &buffer, 1, NULL, 0, &engine->out.overlapped, NULL);
  switch (op_started(socket, &engine->out, failed == 0)) {
    case OP_COMPLETED:
      return send__reaped(socket);
    case OP_IN_FLIGHT:
      return false;
    case OP_REFUSED:
      break;
  }
  DWORD native = (DWORD)WSAGetLastError();
  if (op_may_be_retried(native))
    completion_port_retry(socket, ENGINE_SEND);
  else
    stream_kept_done(socket, send__error(errors_of(native)), (int32_t)native);
  return false;
}

void engine_send_kept(struct socket* socket) {
  if (socket->kept == NULL || socket->engine.out.in_flight) return;
  while (send__post(socket)) continue;
}

void send_completed(struct socket* socket) {
  if (send__reaped(socket)) engine_send_kept(socket);
}

int32_t engine_shutdown(struct socket* socket) {
  if (shutdown(socket->engine.handle, SD_SEND) == 0) return 0;
  DWORD native = (DWORD)WSAGetLastError();
  return port_fail(
      socket->port, send__error(errors_of(native)), (int32_t)native);
}
