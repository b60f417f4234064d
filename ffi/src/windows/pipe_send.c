/* SPDX-License-Identifier: MIT */
#include "pipe_send.h"

#include "errors.h"
#include "operation.h"
#include "pipe.h"
#include "retry.h"
#include "sender.h"

/* The size of a pipe's buffer: a longer write takes more of the kernel's memory
 * than the pipe was given. */
#define PIPE_SEND__PART 65536
/* See pipe_receive.c. */
#define PIPE_SEND__DISCONNECTED 0xC00000B0u

static int32_t pipe_send__status(LONG status) {
  if ((uint32_t)status == PIPE_SEND__DISCONNECTED) return -IOCP_ECONNRESET;
  return errors_of_status(status);
}

static int32_t pipe_send__error(DWORD native) {
  return native == ERROR_PIPE_NOT_CONNECTED ? -IOCP_ECONNRESET
                                            : errors_of(native);
}

/* The write of a part has completed. */
static void pipe_send__reaped(struct send_copy* copy) {
  LONG status = op_status(&copy->engine.op);
  if (status < 0) {
    sender_copy_done(copy, pipe_send__status(status), (int32_t)status);
    return;
  }
  sender_copy_progressed(copy, op_bytes(&copy->engine.op));
  if (copy->offset == copy->length) sender_copy_done(copy, 0, 0);
}

/* Posts the next part of a copy. Returns false when the ones behind it have to
 * wait. */
static bool pipe_send__post(struct send_copy* copy) {
  struct socket* socket = copy->socket;
  struct engine_op* op = &copy->engine.op;
  uint32_t left = copy->length - copy->offset;
  bool has_succeeded = false;
  if (op_prepare(socket, op, ENGINE_SEND))
    has_succeeded =
        pipe_called(WriteFile(pipe_handle(socket),
                              copy->bytes + copy->offset,
                              left < PIPE_SEND__PART ? left : PIPE_SEND__PART,
                              NULL,
                              &op->overlapped));
  enum op_start start = op_started(socket, op, has_succeeded);
  if (start == OP_COMPLETED) {
    pipe_send__reaped(copy);
    return true;
  }
  if (start == OP_IN_FLIGHT) {
    socket->engine.sends_in_flight++;
    return false;
  }
  DWORD native = GetLastError();
  if (op_may_be_retried(native)) {
    retry_later(socket, ENGINE_SEND);
    return false;
  }
  sender_copy_done(copy, pipe_send__error(native), (int32_t)native);
  return true;
}

void pipe_send_copies(struct socket* socket) {
  struct send_copy* copy;
  while (socket->engine.sends_in_flight == 0 &&
         (copy = send_copy_first(socket)) != NULL) {
    if (socket->error != 0)
      sender_copy_done(copy, socket->error, socket->error_native);
    else if (!pipe_send__post(copy))
      return;
  }
}

void pipe_send_completed(struct send_copy* copy) {
  struct socket* socket = copy->socket;
  socket->engine.sends_in_flight--;
  /* A close that has canceled its operations finishes the copies itself. */
  if (socket->close_phase >= CLOSE_REAPING) {
    socket_ready(socket, READY_CLOSE);
    return;
  }
  pipe_send__reaped(copy);
  pipe_send_copies(socket);
}
