/* SPDX-License-Identifier: MIT */
/*
 * Receiving: at most one operation a socket, so that nothing overtakes.
 *
 *   IDLE --arm--> POSTED --packet--> COMPLETED --taken--> IDLE
 *
 * While it is IDLE, bytes are taken straight from the kernel. A short buffer is
 * what an idle connection costs; what fills it has more behind it, and that is
 * taken straight into the caller's memory as well.
 */
#include "receive.h"

#include "completion_port.h"
#include "errors.h"
#include "memory.h"

/* The largest buffer that is posted. */
#define RECEIVE__BUFFER 1024

static void receive__free(struct socket* socket) {
  struct engine_socket* engine = &socket->engine;
  if (engine->buffer == NULL) return;
  socket->port->stats.bytes_posted -= engine->buffer_size;
  memory_free(engine->buffer);
  engine->buffer = NULL;
}

/* Windows tells a connection that has died in two ways, by who noticed; to the
 * user it is the same, as on Linux. libuv does so too (src/win/tcp.c). */
static int32_t receive__error(int32_t error) {
  return error == -IOCP_ECONNABORTED ? -IOCP_ECONNRESET : error;
}

/* An end counts only if the connection is not broken: under Wine a reset that
 * was noticed elsewhere first looks like one to whoever receives. On Windows
 * this never contradicts it (WSAPoll: POLLERR), and it is asked once in a
 * connection's life. Returns 0 or the error. */
static int32_t receive__end_of(struct socket* socket) {
  WSAPOLLFD entry = {.fd = socket->engine.handle, .events = POLLRDNORM};
  if (WSAPoll(&entry, 1, 0) <= 0 || (entry.revents & POLLERR) == 0) return 0;
  return port_fail(socket->port, -IOCP_ECONNRESET, WSAECONNRESET);
}

/* Keeps the end or an error until it is taken. */
static void receive__end(struct socket* socket,
                         int32_t result,
                         int32_t native) {
  struct engine_socket* engine = &socket->engine;
  receive__free(socket);
  engine->receive_state = ENGINE_RECEIVE_COMPLETED;
  engine->receive_result = result;
  engine->receive_native = native;
}

void receive_completed(struct socket* socket) {
  struct engine_socket* engine = &socket->engine;
  LONG status = op_status(&engine->in);
  uint32_t bytes = op_bytes(&engine->in);
  if (engine->buffer == NULL && status >= 0) {
    /* No bytes were asked for, so none is not the end: it is to look again. */
    engine->receive_state = ENGINE_RECEIVE_IDLE;
  } else if (engine->buffer != NULL && bytes != 0) {
    /* Bytes count whatever the status says: one that was canceled too late has
     * taken them out of the stream (CPython's bpo-33694). */
    engine->receive_state = ENGINE_RECEIVE_COMPLETED;
    engine->receive_result = (int32_t)bytes;
    engine->buffer_offset = 0;
  } else {
    int32_t result = receive__error(errors_of_status(status));
    socket->port->native_error = (int32_t)status;
    if (status >= 0) result = receive__end_of(socket);
    receive__end(socket, result, socket->port->native_error);
  }
  socket_ready(socket,
               socket->state == SOCKET_CLOSING ? READY_CLOSE : READY_RECEIVE);
}

/* Posts the buffer, or no bytes when there is none. False: for want of memory,
 * try again. */
static bool receive__post(struct socket* socket) {
  static char nothing;
  struct engine_socket* engine = &socket->engine;
  WSABUF buffer = {.len = engine->buffer_size, .buf = (char*)engine->buffer};
  if (engine->buffer == NULL) buffer = (WSABUF){.len = 0, .buf = &nothing};
  op_prepare(&engine->in, ENGINE_RECEIVE);
  engine->receive_flags = 0;
  engine->receive_state = ENGINE_RECEIVE_POSTED;
  /* The count is the operation's to tell: one given here may be written after
   * this function has returned (WSARecv()'s documentation). */
  int failed = WSARecv(engine->handle,
                       &buffer,
                       1,
                       NULL,
                       &engine->receive_flags,
                       &engine->in.overlapped,
                       NULL);
  switch (op_started(socket, &engine->in, failed == 0)) {
    case OP_COMPLETED:
      receive_completed(socket);
      return true;
    case OP_IN_FLIGHT:
      return true;
    case OP_REFUSED:
      break;
  }
  DWORD native = (DWORD)WSAGetLastError();
  engine->receive_state = ENGINE_RECEIVE_IDLE;
  receive__free(socket);
  if (op_may_be_retried(native)) return false;
  receive__end(socket, receive__error(errors_of(native)), (int32_t)native);
  socket_ready(socket,
               socket->state == SOCKET_CLOSING ? READY_CLOSE : READY_RECEIVE);
  return true;
}

void engine_arm_receive(struct socket* socket, uint32_t bytes) {
  struct engine_socket* engine = &socket->engine;
  if (engine->receive_state != ENGINE_RECEIVE_IDLE || engine->retries_receive)
    return;
  uint32_t size = bytes < RECEIVE__BUFFER ? bytes : RECEIVE__BUFFER;
  if (size != 0) engine->buffer = memory_alloc(size);
  if (engine->buffer != NULL) {
    engine->buffer_size = size;
    socket->port->stats.bytes_posted += size;
    if (receive__post(socket)) return;
  }
  /* One of no bytes needs no memory to be locked. */
  receive_retry(socket);
}

void receive_retry(struct socket* socket) {
  /* Meanwhile the end may have been met without it. */
  if (socket->engine.receive_state != ENGINE_RECEIVE_IDLE) return;
  if (!receive__post(socket)) completion_port_retry(socket, ENGINE_RECEIVE);
}

void receive_forget(struct socket* socket) {
  receive__free(socket);
  socket->engine.receive_state = ENGINE_RECEIVE_IDLE;
}

/* ---- taking */

/* Copies what the operation has received. */
static uint32_t receive__copy(struct socket* socket,
                              void* buffer,
                              uint32_t length) {
  struct engine_socket* engine = &socket->engine;
  uint32_t left = (uint32_t)engine->receive_result - engine->buffer_offset;
  uint32_t count = left < length ? left : length;
  memory_copy(buffer, engine->buffer + engine->buffer_offset, count);
  engine->buffer_offset += count;
  if (count == left) {
    engine->receive_state = ENGINE_RECEIVE_IDLE;
    receive__free(socket);
  }
  return count;
}

/* Takes from the kernel without blocking. */
static int32_t receive__direct(struct socket* socket,
                               uint8_t* buffer,
                               uint32_t length) {
  int count = recv(socket->engine.handle, (char*)buffer, (int)length, 0);
  if (count > 0) return count;
  if (count == 0) return receive__end_of(socket);
  DWORD native = (DWORD)WSAGetLastError();
  /* Without memory there is nothing to be had now; arming tries again. */
  if (op_may_be_retried(native)) return ENGINE_WOULD_BLOCK;
  return port_fail(
      socket->port, receive__error(errors_of(native)), (int32_t)native);
}

int32_t engine_take(struct socket* socket,
                    void* buffer,
                    uint32_t length,
                    bool* more_out) {
  struct engine_socket* engine = &socket->engine;
  uint32_t taken = 0;
  *more_out = false;
  if (engine->receive_state == ENGINE_RECEIVE_POSTED) return ENGINE_WOULD_BLOCK;
  if (engine->receive_state == ENGINE_RECEIVE_COMPLETED) {
    if (engine->receive_result <= 0)
      return port_fail(
          socket->port, engine->receive_result, engine->receive_native);
    bool was_filled = (uint32_t)engine->receive_result == engine->buffer_size;
    taken = receive__copy(socket, buffer, length);
    *more_out = taken == length;
    if (taken == length || !was_filled) return (int32_t)taken;
  }
  int32_t result =
      receive__direct(socket, (uint8_t*)buffer + taken, length - taken);
  if (result > 0) {
    *more_out = taken + (uint32_t)result == length;
    return (int32_t)taken + result;
  }
  if (taken == 0) return result;
  /* The bytes come first; an error might not be told twice, so it is kept. */
  if (result != ENGINE_WOULD_BLOCK) {
    receive__end(socket, result, socket->port->native_error);
    *more_out = true;
  }
  return (int32_t)taken;
}
