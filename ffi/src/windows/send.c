/* SPDX-License-Identifier: MIT */
/*
 * Sending: directly from the caller's memory while the kernel accepts it, and
 * one operation for each send copy. The kernel sends in posting order
 * (WSASend()'s documentation), and one thread posts them all.
 */
#include "send.h"

#include "datagram_send.h"
#include "errors.h"
#include "handle.h"
#include "operation.h"
#include "pipe.h"
#include "pipe_send.h"
#include "retry.h"
#include "send_copy.h"
#include "send_file.h"
#include "sender.h"

/* One error for a broken connection, as in receive.c. */
static int32_t send__error(int32_t error) {
  return error == -IOCP_ECONNABORTED ? -IOCP_ECONNRESET : error;
}

int32_t engine_send(struct socket* socket,
                    const void* buffer,
                    uint32_t length) {
  if (socket->engine.copies_sends) return ENGINE_WOULD_BLOCK;
  int count = send(socket->engine.handle, buffer, (int)length, 0);
  if (count >= 0) return count;
  DWORD native = (DWORD)WSAGetLastError();
  if (op_may_be_retried(native)) return ENGINE_WOULD_BLOCK;
  return port_fail(
      socket->port, send__error(errors_of(native)), (int32_t)native);
}

/* True when a copy behind this one is in flight, or was sent already. */
static bool send__is_overtaken(struct send_copy* copy) {
  while ((copy = send_copy_next(copy)) != NULL)
    if (copy->is_done || copy->engine.op.in_flight) return true;
  return false;
}

/* A copy fails. Those behind it are lost, whatever the system has reported for
 * them: the one before may complete after them. */
static void send__lose(struct send_copy* copy, int32_t error, int32_t native) {
  struct socket* socket = copy->socket;
  for (struct send_copy* next = copy; (next = send_copy_next(next)) != NULL;)
    if (next->is_done) {
      next->result = socket_fail(socket, error, native);
      next->native = socket->error_native;
    }
  sender_copy_done(copy, error, native);
}

/* Bytes of this copy will never be sent. The system sends the copies behind it
 * all the same, and the peer would get a stream with a gap, so the connection
 * is reset at once. For that the handle is closed: until its caller closes the
 * socket, it has the error and no handle. */
static void send__fail(struct send_copy* copy, int32_t error, int32_t native) {
  if (send__is_overtaken(copy)) handle_abort(copy->socket, error, native);
  send__lose(copy, error, native);
}

/* The operation has completed. */
static void send__reaped(struct send_copy* copy) {
  struct socket* socket = copy->socket;
  LONG status = op_status(&copy->engine.op);
  /* A close that has canceled its operations finishes the copies itself. */
  if (socket->close_phase >= CLOSE_REAPING) {
    socket_ready(socket, READY_CLOSE);
    return;
  }
  /* Aborted meanwhile: the bytes may not have arrived. */
  if (socket->engine.handle == INVALID_SOCKET) {
    send__lose(copy, socket->error, socket->error_native);
    return;
  }
  if (status < 0) {
    send__fail(copy, send__error(errors_of_status(status)), (int32_t)status);
    return;
  }
  sender_copy_progressed(copy, op_bytes(&copy->engine.op));
  if (copy->offset == copy->length) sender_copy_done(copy, 0, 0);
  /* Wine 10 transmits what there is of a file that has become shorter. */
  else if (copy->file != NULL)
    send__lose(copy, -IOCP_ENODATA, 0);
  /* A send that completes with only a part of its bytes is not known, but the
   * documentation does not exclude it. */
  else if (send__is_overtaken(copy))
    send__fail(copy, -IOCP_ECONNRESET, 0);
}

/* Returns true if it has succeeded at once; otherwise Winsock has the error. */
static bool send__call(struct send_copy* copy) {
  struct socket* socket = copy->socket;
  WSABUF buffer = {.len = copy->length - copy->offset,
                   .buf = (char*)copy->bytes + copy->offset};
  if (copy->file != NULL) return send_file_post(copy);
  return WSASend(socket->engine.handle,
                 &buffer,
                 1,
                 NULL,
                 0,
                 &copy->engine.op.overlapped,
                 NULL) == 0;
}

/* Posts the rest of a copy. Returns false when it is to be retried later. */
static bool send__post(struct send_copy* copy) {
  struct socket* socket = copy->socket;
  struct engine_op* op = &copy->engine.op;
  bool has_succeeded = op_prepare(socket, op, ENGINE_SEND) && send__call(copy);
  enum op_start start = op_started(socket, op, has_succeeded);
  if (start == OP_COMPLETED) {
    send__reaped(copy);
    return true;
  }
  if (start == OP_IN_FLIGHT) {
    socket->engine.sends_in_flight++;
    return true;
  }
  DWORD native = (DWORD)WSAGetLastError();
  if (op_may_be_retried(native)) {
    retry_later(socket, ENGINE_SEND);
    return false;
  }
  sender_copy_done(copy, send__error(errors_of(native)), (int32_t)native);
  return true;
}

/* In order: a copy that cannot be posted delays those behind it, and a file is
 * transmitted alone. */
void engine_send_copies(struct socket* socket) {
  if (socket->is_datagram) {
    datagram_send_copies(socket);
    return;
  }
  struct send_copy* copy = send_copy_first(socket);
  if (pipe_is(socket)) {
    pipe_send_copies(socket);
    return;
  }
  while (copy != NULL) {
    struct engine_op* op = &copy->engine.op;
    if (!copy->is_done && !op->in_flight) {
      if (socket->error != 0)
        sender_copy_done(copy, socket->error, socket->error_native);
      else if (copy->file != NULL && socket->engine.sends_in_flight != 0)
        return;
      else if (!send__post(copy))
        return;
    }
    if (copy->file != NULL && op->in_flight) return;
    /* If a part was sent at once, the loop posts the rest. */
    if (copy->is_done || op->in_flight) copy = send_copy_next(copy);
  }
}

void send_completed(struct send_copy* copy) {
  struct socket* socket = copy->socket;
  if (socket->is_datagram) {
    datagram_send_completed(copy);
    return;
  }
  if (pipe_is(socket)) {
    pipe_send_completed(copy);
    return;
  }
  socket->engine.sends_in_flight--;
  send__reaped(copy);
  if (socket->close_phase < CLOSE_REAPING) engine_send_copies(socket);
}

int32_t engine_shutdown(struct socket* socket) {
  /* A pipe has no half-close. */
  if (pipe_is(socket)) return port_fail(socket->port, -IOCP_ENOTSUP, 0);
  if (shutdown(socket->engine.handle, SD_SEND) == 0) return 0;
  DWORD native = (DWORD)WSAGetLastError();
  return port_fail(
      socket->port, send__error(errors_of(native)), (int32_t)native);
}
