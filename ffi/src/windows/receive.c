/* SPDX-License-Identifier: MIT */
/*
 * Receiving. While the list of receives is empty, data is received directly
 * from the kernel into the caller's memory. A short buffer is what an idle
 * connection costs; when it is filled, the rest is received directly as well.
 */
#include "receive.h"

#include "borrow.h"
#include "errors.h"
#include "operation.h"
#include "pipe.h"
#include "pipe_receive.h"
#include "receive_list.h"
#include "retry.h"

/* ---- results */

/* Windows has two errors for a broken connection, depending on which side
 * detected it. The library reports one, as Linux and libuv do
 * (src/win/tcp.c). */
static int32_t receive__error(int32_t error) {
  return error == -IOCP_ECONNABORTED ? -IOCP_ECONNRESET : error;
}

/* What the system says of a connection whose receive got no bytes. */
enum receive__answer {
  RECEIVE__NONE, /* it could not be asked */
  RECEIVE__DATA,
  RECEIVE__END,
  RECEIVE__RESET
};

/* Under Wine, a receive reports a reset as an end if another call has reported
 * the reset before. And receives in flight complete with no bytes once both
 * directions are shut down, although data may have arrived before the end. On
 * Windows POLLERR is never set at an end (WSAPoll()), and all data was received
 * by then (WSARecv(), remarks). This runs once in the life of a connection. */
static enum receive__answer receive__ask(const struct socket* socket) {
  WSAPOLLFD entry = {.fd = socket->engine.handle, .events = POLLRDNORM};
  char byte;
  int count = WSAPoll(&entry, 1, 0);
  if (count < 0) return RECEIVE__NONE;
  if ((entry.revents & POLLERR) != 0) return RECEIVE__RESET;
  if ((entry.revents & POLLRDNORM) == 0) return RECEIVE__END;
  /* Polled first, because a borrowed handle may be a blocking one. */
  count = recv(socket->engine.handle, &byte, 1, MSG_PEEK);
  if (count >= 0) return count > 0 ? RECEIVE__DATA : RECEIVE__END;
  /* An error is reported once only. Data may be gone, to another process. */
  return op_may_be_retried((DWORD)WSAGetLastError()) ? RECEIVE__NONE
                                                     : RECEIVE__RESET;
}

/* A receive got no bytes. Returns 0 or the error if nothing more comes, and
 * ENGINE_WOULD_BLOCK otherwise. */
static int32_t receive__end_of(struct socket* socket) {
  enum receive__answer answer = receive__ask(socket);
  if (answer == RECEIVE__END) return 0;
  if (answer == RECEIVE__RESET)
    return port_fail(socket->port, -IOCP_ECONNRESET, WSAECONNRESET);
  /* Without an answer it is neither an end nor an error. The system reports
   * either of them to the next receive as well, after a pause, because it may
   * be out of memory for long. A socket that is detached leaves it to the next
   * owner. */
  if (answer == RECEIVE__NONE && !socket->engine.has_ended &&
      socket->close_phase < CLOSE_REAPING)
    retry_later(socket, ENGINE_RECEIVE);
  return ENGINE_WOULD_BLOCK;
}

/* Stores the end or an error until it is delivered. Further receives in flight
 * report the same again. */
static void receive__end(struct socket* socket,
                         int32_t result,
                         int32_t native) {
  struct engine_socket* engine = &socket->engine;
  if (engine->has_ended) return;
  engine->has_ended = true;
  engine->end_result = result;
  engine->end_native = native;
}

static void receive__mark(struct socket* socket) {
  socket_ready(socket,
               socket->state == SOCKET_CLOSING ? READY_CLOSE : READY_RECEIVE);
}

/* Handles a receive that has completed, perhaps at once. */
static void receive__result(struct engine_receive* receive) {
  struct socket* socket = receive->socket;
  LONG status = op_status(&receive->op);
  uint32_t bytes = op_bytes(&receive->op);
  if (bytes != 0) {
    /* Whatever the status: a receive that was canceled too late has removed its
     * bytes from the stream (CPython's bpo-33694). */
    receive_list_complete(receive, bytes);
    return;
  }
  int32_t result = ENGINE_WOULD_BLOCK;
  socket->port->native_error = (int32_t)status;
  if (status < 0)
    result = pipe_is(socket) ? pipe_receive_status(status)
                             : receive__error(errors_of_status(status));
  /* A zero-byte receive does not report an end, only that there is something to
   * receive. On a pipe no bytes mean that the peer has written none
   * (ReadFile(), remarks); its end is a status. */
  if (status >= 0 && receive->size != 0 && !pipe_is(socket))
    result = receive__end_of(socket);
  receive_list_remove(receive);
  if (result != ENGINE_WOULD_BLOCK)
    receive__end(socket, result, socket->port->native_error);
}

void receive_completed(struct engine_receive* receive) {
  struct socket* socket = receive->socket;
  socket->engine.receives_in_flight--;
  receive__result(receive);
  receive__mark(socket);
}

/* Returns false with WSAGetLastError(). */
static bool receive__call(struct engine_receive* receive) {
  static char nothing;
  WSABUF buffer = {.len = receive->size, .buf = (char*)receive->bytes};
  if (receive->size == 0) buffer.buf = &nothing;
  if (pipe_is(receive->socket)) return pipe_receive_post(receive, buffer.buf);
  /* The count is in the OVERLAPPED: one passed here could be written after this
   * function has returned (WSARecv()'s documentation). */
  return WSARecv(receive->socket->engine.handle,
                 &buffer,
                 1,
                 NULL,
                 &receive->flags,
                 &receive->op.overlapped,
                 NULL) == 0;
}

/* Posts one. Returns 0, or the system's error when it was refused. */
static DWORD receive__post(struct engine_receive* receive, bool marks) {
  struct socket* socket = receive->socket;
  bool has_succeeded = op_prepare(socket, &receive->op, ENGINE_RECEIVE) &&
                       receive__call(receive);
  enum op_start start = op_started(socket, &receive->op, has_succeeded);
  if (start == OP_COMPLETED) {
    receive__result(receive);
    if (marks) receive__mark(socket);
    return 0;
  }
  if (start == OP_IN_FLIGHT) {
    socket->engine.receives_in_flight++;
    return 0;
  }
  DWORD native = (DWORD)WSAGetLastError();
  receive_list_remove(receive);
  return native;
}

/* Adds a receive of up to `size` bytes. False: not now, or never again. */
static bool receive__add(struct socket* socket, uint32_t size) {
  int32_t result = socket->is_borrowed ? engine_check_handle(socket) : 0;
  if (result == -IOCP_ECANCELED) {
    receive__end(socket, result, 0);
    receive__mark(socket);
  }
  /* Without an answer nothing may be posted. */
  if (result < 0) return false;
  struct engine_receive* receive = receive_list_add(socket, size);
  DWORD native = receive == NULL ? WSAENOBUFS : receive__post(receive, true);
  if (native == 0) return !socket->engine.has_ended;
  if (op_may_be_retried(native)) return false;
  result = pipe_is(socket) ? pipe_receive_error(native)
                           : receive__error(errors_of(native));
  receive__end(socket, result, (int32_t)native);
  receive__mark(socket);
  return false;
}

void engine_arm_receive(struct socket* socket, uint32_t bytes) {
  struct engine_socket* engine = &socket->engine;
  if (engine->has_ended || engine->retries_receive) return;
  uint32_t size = bytes == 0 ? 0 : socket->receive_buffer;
  while (size != 0 && engine->receive_count < socket->receive_depth &&
         engine->receive_bytes < bytes) {
    uint32_t left = bytes - engine->receive_bytes;
    if (!receive__add(socket, left < size ? left : size)) break;
    /* If it completed at once, its data comes first. */
    const struct engine_receive* first = receive_list_first(socket);
    if (first == NULL || first->is_completed) break;
  }
  /* A zero-byte receive needs no locked memory. One that completed at once may
   * have to be retried. */
  if (engine->receive_count == 0 && !engine->retries_receive)
    receive_retry(socket);
}

void receive_retry(struct socket* socket) {
  struct engine_socket* engine = &socket->engine;
  /* The end may have been received meanwhile. */
  if (engine->has_ended || engine->receive_count != 0) return;
  if (!receive__add(socket, 0) && !engine->has_ended)
    retry_later(socket, ENGINE_RECEIVE);
}

void receive_abort(struct socket* socket, int32_t error, int32_t native) {
  receive__end(socket, error, native);
  receive__mark(socket);
}

void receive_cancel(struct socket* socket) {
  struct list_node* list = &socket->engine.receives;
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct engine_receive* receive =
        LIST_ENTRY(node, struct engine_receive, node);
    if (receive->op.in_flight)
      CancelIoEx((HANDLE)socket->engine.handle, &receive->op.overlapped);
  }
}

/* ---- delivering */

int engine_has_data(struct socket* socket) {
  WSAPOLLFD entry = {.fd = socket->engine.handle, .events = POLLRDNORM};
  const struct engine_receive* first = receive_list_first(socket);
  if (socket->engine.has_ended || (first != NULL && first->is_completed))
    return 1;
  if (!pipe_is(socket)) return WSAPoll(&entry, 1, 0);
  int32_t available = pipe_receive_available(socket);
  return available > 0 ? 1 : available;
}

/* The same for a pipe, which can only be read by an operation: a receive of the
 * bytes that are there. If another process takes them first, it stays posted.
 */
static int32_t receive__pipe(struct socket* socket,
                             uint8_t* buffer,
                             uint32_t length) {
  bool was_filled;
  int32_t available = socket->posted_only ? 0 : pipe_receive_available(socket);
  if (available == 0) return ENGINE_WOULD_BLOCK;
  /* Without an answer one byte is asked for. */
  uint32_t size = available < 0 ? 1 : (uint32_t)available;
  if (size > length) size = length;
  struct engine_receive* receive = receive_list_add(socket, size);
  DWORD native = receive == NULL ? WSAENOBUFS : receive__post(receive, false);
  if (native == 0) {
    uint32_t count = receive_list_consume(socket, buffer, length, &was_filled);
    return count == 0 ? ENGINE_WOULD_BLOCK : (int32_t)count;
  }
  if (op_may_be_retried(native)) return ENGINE_WOULD_BLOCK;
  return port_fail(socket->port, pipe_receive_error(native), (int32_t)native);
}

/* Receives from the kernel without blocking. */
static int32_t receive__direct(struct socket* socket,
                               uint8_t* buffer,
                               uint32_t length) {
  /* One branch for the three, since this runs for every message. */
  if (socket->posted_only | socket->is_borrowed | pipe_is(socket)) {
    /* A borrowed handle may be a blocking one. */
    return pipe_is(socket) ? receive__pipe(socket, buffer, length)
                           : ENGINE_WOULD_BLOCK;
  }
  int count = recv(socket->engine.handle, (char*)buffer, (int)length, 0);
  if (count > 0) return count;
  if (count == 0) return receive__end_of(socket);
  DWORD native = (DWORD)WSAGetLastError();
  /* Out of memory: engine_arm_receive() retries. */
  if (op_may_be_retried(native)) return ENGINE_WOULD_BLOCK;
  return port_fail(
      socket->port, receive__error(errors_of(native)), (int32_t)native);
}

int32_t engine_receive(struct socket* socket,
                       void* buffer,
                       uint32_t length,
                       bool* more_out) {
  struct engine_socket* engine = &socket->engine;
  uint8_t* bytes = buffer;
  bool was_filled;
  uint32_t copied = receive_list_consume(socket, bytes, length, &was_filled);
  const struct engine_receive* first = receive_list_first(socket);
  *more_out = first != NULL && first->is_completed;
  /* Data of a receive in flight comes before data in the kernel. */
  if (first != NULL) return copied != 0 ? (int32_t)copied : ENGINE_WOULD_BLOCK;
  if (engine->has_ended && copied == 0)
    return port_fail(socket->port, engine->end_result, engine->end_native);
  *more_out = engine->has_ended || (was_filled && copied == length);
  if (engine->has_ended || !was_filled || copied == length)
    return (int32_t)copied;
  int32_t result = receive__direct(socket, bytes + copied, length - copied);
  if (result > 0) {
    *more_out = copied + (uint32_t)result == length;
    return (int32_t)copied + result;
  }
  if (copied == 0) return result;
  /* The bytes come first. The system may report the error only once, so it is
   * stored. */
  if (result != ENGINE_WOULD_BLOCK) {
    receive__end(socket, result, socket->port->native_error);
    *more_out = true;
  }
  return (int32_t)copied;
}
