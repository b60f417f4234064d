/* SPDX-License-Identifier: MIT */
/*
 * Receiving. The kernel fills receives in the order in which they were posted,
 * but their packets may come in another order (WSARecv()'s documentation), so
 * they are taken from a list in posting order:
 *
 *   taken | completed | in flight, or completed early | newest
 *         first -------------------------------------> last
 *
 * While the list is empty, bytes are taken straight from the kernel. A short
 * buffer is what an idle connection costs; what fills it has more behind it,
 * and that is taken straight into the caller's memory as well.
 */
#include "receive.h"

#include "borrow.h"
#include "errors.h"
#include "memory.h"
#include "operation.h"
#include "retry.h"

static struct engine_receive* receive__first(const struct socket* socket) {
  const struct list_node* list = &socket->engine.receives;
  if (list_is_empty(list)) return NULL;
  return LIST_ENTRY(list->next, struct engine_receive, node);
}

void receive_open(struct socket* socket) {
  list_open(&socket->engine.receives);
}

/* Enters a receive of `size` bytes behind the others; NULL: out of memory. */
static struct engine_receive* receive__new(struct socket* socket,
                                           uint32_t size) {
  struct engine_socket* engine = &socket->engine;
  struct engine_receive* receive = &engine->empty;
  if (size != 0) receive = memory_alloc(sizeof *receive + size);
  if (receive == NULL) return NULL;
  *receive = (struct engine_receive){
      .socket = socket, .size = size, .bytes = (uint8_t*)(receive + 1)};
  list_push(&engine->receives, &receive->node);
  engine->receive_count++;
  engine->receive_bytes += size;
  socket->port->stats.bytes_posted += size;
  return receive;
}

/* How much it may still deliver. */
static uint32_t receive__left(const struct engine_receive* receive) {
  return receive->is_completed ? receive->length - receive->offset
                               : receive->size;
}

static void receive__free(struct engine_receive* receive) {
  struct socket* socket = receive->socket;
  struct engine_socket* engine = &socket->engine;
  list_remove(&receive->node);
  engine->receive_count--;
  engine->receive_bytes -= receive__left(receive);
  socket->port->stats.bytes_posted -= receive->size;
  if (receive->size != 0) memory_free(receive);
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

/* No bytes are an end only if the kernel has none either. Under Wine all that
 * is in flight is ended once both directions have been shut down, whatever has
 * come before the end and waits. On Windows there is never anything to peek at.
 */
static bool receive__is_end(const struct socket* socket) {
  WSAPOLLFD entry = {.fd = socket->engine.handle, .events = POLLRDNORM};
  char byte;
  /* Asked first, since a borrowed one may be a blocking one. */
  if (WSAPoll(&entry, 1, 0) <= 0 || (entry.revents & POLLRDNORM) == 0)
    return true;
  return recv(socket->engine.handle, &byte, 1, MSG_PEEK) <= 0;
}

/* Keeps the end or an error until it is taken. What others of several receives
 * say after it is the same once more. */
static void receive__end(struct socket* socket,
                         int32_t result,
                         int32_t native) {
  struct engine_socket* engine = &socket->engine;
  if (engine->has_ended) return;
  engine->has_ended = true;
  engine->end_result = result;
  engine->end_native = native;
}

static void receive__tell(struct socket* socket) {
  socket_ready(socket,
               socket->state == SOCKET_CLOSING ? READY_CLOSE : READY_RECEIVE);
}

/* What became of a receive that has completed, also at once. */
static void receive__result(struct engine_receive* receive) {
  struct socket* socket = receive->socket;
  LONG status = op_status(&receive->op);
  uint32_t bytes = op_bytes(&receive->op);
  if (bytes != 0 && receive->size != 0) {
    /* Bytes count whatever the status says: one that was canceled too late has
     * taken them out of the stream (CPython's bpo-33694). */
    socket->engine.receive_bytes -= receive->size - bytes;
    receive->is_completed = true;
    receive->length = bytes;
    return;
  }
  /* Where no bytes were asked for, none is not the end: it is to look again. */
  if (status >= 0 && (receive->size == 0 || !receive__is_end(socket))) {
    receive__free(receive);
    return;
  }
  int32_t result = receive__error(errors_of_status(status));
  socket->port->native_error = (int32_t)status;
  if (status >= 0) result = receive__end_of(socket);
  receive__free(receive);
  receive__end(socket, result, socket->port->native_error);
}

void receive_completed(struct engine_receive* receive) {
  struct socket* socket = receive->socket;
  socket->engine.receives_in_flight--;
  receive__result(receive);
  receive__tell(socket);
}

/* Posts one. Returns 0, or Winsock's number when it was refused. */
static DWORD receive__post(struct engine_receive* receive) {
  static char nothing;
  struct socket* socket = receive->socket;
  WSABUF buffer = {.len = receive->size, .buf = (char*)receive->bytes};
  if (receive->size == 0) buffer.buf = &nothing;
  int failed = SOCKET_ERROR;
  /* The count is the operation's to tell: one given here may be written after
   * this function has returned (WSARecv()'s documentation). */
  if (op_prepare(socket, &receive->op, ENGINE_RECEIVE))
    failed = WSARecv(socket->engine.handle,
                     &buffer,
                     1,
                     NULL,
                     &receive->flags,
                     &receive->op.overlapped,
                     NULL);
  switch (op_started(socket, &receive->op, failed == 0)) {
    case OP_COMPLETED:
      receive__result(receive);
      receive__tell(socket);
      return 0;
    case OP_IN_FLIGHT:
      socket->engine.receives_in_flight++;
      return 0;
    case OP_REFUSED:
      break;
  }
  DWORD native = (DWORD)WSAGetLastError();
  receive__free(receive);
  return native;
}

/* Adds a receive of up to `size` bytes. False: not now, or never again. */
static bool receive__add(struct socket* socket, uint32_t size) {
  if (socket->is_borrowed && engine_is_lost(socket)) {
    receive__end(socket, -IOCP_ECANCELED, 0);
    receive__tell(socket);
    return false;
  }
  struct engine_receive* receive = receive__new(socket, size);
  DWORD native = receive == NULL ? WSAENOBUFS : receive__post(receive);
  if (native == 0) return !socket->engine.has_ended;
  if (op_may_be_retried(native)) return false;
  receive__end(socket, receive__error(errors_of(native)), (int32_t)native);
  receive__tell(socket);
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
    /* What completes at once is to be taken first. */
    const struct engine_receive* first = receive__first(socket);
    if (first == NULL || first->is_completed) break;
  }
  /* One of no bytes needs no memory to be locked. */
  if (engine->receive_count == 0) receive_retry(socket);
}

void receive_retry(struct socket* socket) {
  struct engine_socket* engine = &socket->engine;
  /* Meanwhile the end may have been met without it. */
  if (engine->has_ended || engine->receive_count != 0) return;
  if (!receive__add(socket, 0) && !engine->has_ended)
    retry_later(socket, ENGINE_RECEIVE);
}

void receive_abort(struct socket* socket, int32_t error, int32_t native) {
  receive__end(socket, error, native);
  receive__tell(socket);
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

bool receive_preload(struct socket* socket,
                     const uint8_t* bytes,
                     uint32_t length) {
  struct engine_receive* receive = receive__new(socket, length);
  if (receive == NULL) return false;
  memory_copy(receive->bytes, bytes, length);
  receive->is_completed = true;
  receive->length = length;
  return true;
}

/* Bytes of the receives that have completed, or of those that have not. */
static uint32_t receive__bytes(const struct socket* socket, bool is_completed) {
  const struct list_node* list = &socket->engine.receives;
  uint32_t bytes = 0;
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct engine_receive* receive =
        LIST_ENTRY(node, struct engine_receive, node);
    if (receive->is_completed == is_completed) bytes += receive__left(receive);
  }
  return bytes;
}

uint32_t receive_posted(const struct socket* socket) {
  return receive__bytes(socket, false);
}

uint32_t receive_waiting(const struct socket* socket) {
  return receive__bytes(socket, true);
}

void receive_forget(struct socket* socket) {
  struct engine_receive* receive;
  /* A socket that never entered its port has no list. */
  if (!list_has(&socket->engine.receives)) return;
  while ((receive = receive__first(socket)) != NULL) receive__free(receive);
}

/* ---- taking */

bool engine_has_data(struct socket* socket) {
  WSAPOLLFD entry = {.fd = socket->engine.handle, .events = POLLRDNORM};
  const struct engine_receive* first = receive__first(socket);
  if (socket->engine.has_ended || (first != NULL && first->is_completed))
    return true;
  return WSAPoll(&entry, 1, 0) > 0;
}

/* Copies what a receive has got. */
static uint32_t receive__copy(struct engine_receive* receive,
                              uint8_t* buffer,
                              uint32_t length) {
  uint32_t left = receive__left(receive);
  uint32_t count = left < length ? left : length;
  memory_copy(buffer, receive->bytes + receive->offset, count);
  receive->offset += count;
  receive->socket->engine.receive_bytes -= count;
  return count;
}

/* Takes from the list. `was_filled_out`: the last one had no room left, so the
 * kernel may hold more. */
static uint32_t receive__listed(struct socket* socket,
                                uint8_t* buffer,
                                uint32_t length,
                                bool* was_filled_out) {
  struct engine_receive* receive;
  uint32_t taken = 0;
  *was_filled_out = true;
  while (taken < length && (receive = receive__first(socket)) != NULL &&
         receive->is_completed) {
    taken += receive__copy(receive, buffer + taken, length - taken);
    if (receive__left(receive) != 0) break;
    *was_filled_out = receive->length == receive->size;
    receive__free(receive);
  }
  return taken;
}

/* Takes from the kernel without blocking. */
static int32_t receive__direct(struct socket* socket,
                               uint8_t* buffer,
                               uint32_t length) {
  /* A borrowed one may be a blocking one. */
  if (socket->posted_only || socket->is_borrowed) return ENGINE_WOULD_BLOCK;
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
  uint8_t* bytes = buffer;
  bool was_filled;
  uint32_t taken = receive__listed(socket, bytes, length, &was_filled);
  const struct engine_receive* first = receive__first(socket);
  *more_out = first != NULL && first->is_completed;
  /* What is still in flight comes before all that the kernel holds. */
  if (first != NULL) return taken != 0 ? (int32_t)taken : ENGINE_WOULD_BLOCK;
  if (engine->has_ended && taken == 0)
    return port_fail(socket->port, engine->end_result, engine->end_native);
  *more_out = engine->has_ended || (was_filled && taken == length);
  if (engine->has_ended || !was_filled || taken == length)
    return (int32_t)taken;
  int32_t result = receive__direct(socket, bytes + taken, length - taken);
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
