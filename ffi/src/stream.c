/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include "engine.h"
#include "kept.h"
#include "port_table.h"
#include "progress.h"
#include "silence.h"

/* The socket for a call, if it exists and is a stream that is not closing. */
static struct socket* stream__find(int32_t port_name,
                                   int32_t name,
                                   int32_t* error) {
  struct port* port = port_table_find(port_name, error);
  if (port == NULL) return NULL;
  struct socket* socket = socket_find_told(port, name);
  if (socket == NULL || socket->state == SOCKET_CLOSING) {
    *error = port_fail(port, -IOCP_EBADF, 0);
    return NULL;
  }
  if (socket->state == SOCKET_STREAM && socket->connect_result == 0)
    return socket;
  *error = port_fail(port, -IOCP_ENOTCONN, 0);
  return NULL;
}

/* ---- receiving */

/* What engine_take() said, made final: after any failure an end is no end. */
static int32_t stream__end(struct socket* socket, int32_t result) {
  socket->receive_ended = true;
  socket->credit = 0;
  if (result < 0) socket_fail(socket, result, socket->port->native_error);
  /* An end that was told stays one, whatever a later send runs into. */
  if (socket->error != 0 && !socket->end_seen) {
    socket->port->native_error = socket->error_native;
    return socket->error;
  }
  socket->end_seen = true;
  return 0;
}

static uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }

static void stream__push(struct socket* socket,
                         struct batch* batch,
                         uint32_t bytes) {
  batch_push(
      batch, socket, IOCP_RECEIVED, (int32_t)bytes, (int32_t)batch->offset);
  /* The next chunk starts aligned, for users who view it as numbers. */
  batch->offset += min_u32((bytes + 7) & ~7u, batch->length - batch->offset);
  socket_count_received(socket, bytes);
}

/* Room in the slab for one more record of data, or 0 when it is used up. */
static uint32_t stream__room(const struct socket* socket, struct batch* batch) {
  uint32_t room = batch->length - batch->offset;
  uint32_t most =
      socket->is_borrowed ? socket->borrow.receive_max : IOCP_RECEIVE_MAX;
  if (room >= IOCP_SLAB_MIN) return min_u32(room, most);
  batch->header->flags |= IOCP_SLAB_FULL;
  return 0;
}

/* A detach tells what its operations have received before they ended. */
static bool stream__hand_over(struct socket* socket, struct batch* batch) {
  bool has_more;
  uint32_t room = stream__room(socket, batch);
  if (room == 0) return true;
  int32_t result =
      engine_take(socket, batch->slab + batch->offset, room, &has_more);
  if (result > 0) {
    stream__push(socket, batch, (uint32_t)result);
    return true;
  }
  /* An end or an error is met again by whoever has the socket next. */
  socket->close_phase = CLOSE_HANDED;
  socket_ready(socket, READY_CLOSE);
  return false;
}

static bool stream__receive(struct socket* socket, struct batch* batch) {
  bool has_more = false;
  uint32_t room = stream__room(socket, batch);
  if (room == 0) return true;
  int32_t result = engine_take(socket,
                               batch->slab + batch->offset,
                               min_u32(room, socket->credit),
                               &has_more);
  if (result == ENGINE_WOULD_BLOCK) {
    engine_arm_receive(socket, socket->credit);
    return false;
  }
  silence_broken(socket);
  if (result <= 0) {
    result = stream__end(socket, result);
    batch_push(batch,
               socket,
               IOCP_RECEIVED,
               result,
               result < 0 ? socket->error_native : 0);
    return false;
  }
  stream__push(socket, batch, (uint32_t)result);
  socket->credit -= (uint32_t)result;
  if (socket->credit == 0) return false;
  /* A receive that is pending tells that its user has closed a borrowed one, so
   * there it is posted in any case. */
  if (!has_more || socket->receive_depth > 1 || socket->is_borrowed)
    engine_arm_receive(socket, socket->credit);
  return has_more;
}

bool stream_deliver(struct socket* socket, struct batch* batch) {
  if (socket->close_phase == CLOSE_HANDING)
    return stream__hand_over(socket, batch);
  if (socket->state == SOCKET_CLOSING) {
    socket_ready(socket, READY_CLOSE);
    return false;
  }
  if (socket->read_armed) {
    socket->read_armed = false;
    batch_push(batch, socket, IOCP_READABLE, 0, 0);
    return false;
  }
  /* Without credit the data stays in the kernel; iocp_receive() looks again. */
  return socket->credit != 0 && stream__receive(socket, batch);
}

int32_t iocp_receive(int32_t port_name, int32_t name, uint32_t bytes) {
  int32_t error;
  struct socket* socket = stream__find(port_name, name, &error);
  if (socket == NULL) return error;
  struct port* port = socket->port;
  if (bytes == 0 || bytes > 1u << 30 || socket->credit > (1u << 30) - bytes)
    return port_fail(port, -IOCP_EINVAL, 0);
  if (socket->receive_ended) return port_fail(port, -IOCP_ESHUTDOWN, 0);
  if (socket->read_armed) return port_fail(port, -IOCP_EBUSY, 0);
  /* With credit left, a receive is under way already; of several, another. */
  if (socket->credit == 0 || socket->receive_depth > 1)
    socket_ready(socket, READY_RECEIVE);
  socket->credit += bytes;
  return 0;
}

int32_t iocp_read(int32_t port_name,
                  int32_t name,
                  void* buffer,
                  uint32_t offset,
                  uint32_t length) {
  int32_t error;
  struct socket* socket = stream__find(port_name, name, &error);
  if (socket == NULL) return error;
  struct port* port = socket->port;
  if (buffer == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  if (length == 0) return port_fail(port, -IOCP_EINVAL, 0);
  if (socket->credit != 0 || socket->read_armed)
    return port_fail(port, -IOCP_EBUSY, 0);
  if (socket->receive_ended) return stream__end(socket, 0);
  bool has_more = false;
  int32_t result = engine_take(
      socket, (uint8_t*)buffer + offset, min_u32(length, 1u << 29), &has_more);
  if (result == ENGINE_WOULD_BLOCK) {
    socket->read_armed = true;
    engine_arm_receive(socket, 0);
    return IOCP_PENDING;
  }
  silence_broken(socket);
  if (result <= 0) return stream__end(socket, result);
  socket_count_received(socket, (uint32_t)result);
  return result;
}

/* ---- sending */

/* How many bytes the kernel takes at once, which is none while others wait to
 * leave before them. */
static int32_t stream__send_now(struct socket* socket,
                                const uint8_t* bytes,
                                uint32_t length) {
  if (kept_first(socket) != NULL) return 0;
  int32_t sent = engine_send(socket, bytes, length);
  if (sent == ENGINE_WOULD_BLOCK) return 0;
  if (sent < 0) return socket_fail(socket, sent, socket->port->native_error);
  socket_count_sent(socket, (uint32_t)sent);
  return sent;
}

int32_t iocp_send(int32_t port_name,
                  int32_t name,
                  const void* buffer,
                  uint32_t offset,
                  uint32_t length) {
  int32_t error;
  struct socket* socket = stream__find(port_name, name, &error);
  if (socket == NULL) return error;
  struct port* port = socket->port;
  if (socket->error != 0)
    return port_fail(port, socket->error, socket->error_native);
  if (socket->fin_sent || socket->shut_wanted)
    return port_fail(port, -IOCP_EPIPE, 0);
  /* An unreported result counts as well: one terminal completion a send. */
  if (socket->kept_count >= socket->send_concurrency)
    return port_fail(port, -IOCP_EBUSY, 0);
  if (length == 0) return 0;
  if (buffer == NULL) return port_fail(port, -IOCP_EFAULT, 0);

  const uint8_t* bytes = (const uint8_t*)buffer + offset;
  socket->is_cut = length > IOCP_SEND_MAX;
  length = min_u32(length, IOCP_SEND_MAX);
  int32_t sent = stream__send_now(socket, bytes, length);
  if (sent < 0 || (uint32_t)sent == length) return sent;
  if (kept_new(socket, bytes + sent, length - (uint32_t)sent) != NULL) {
    engine_send_kept(socket);
    return (int32_t)length | IOCP_PENDING;
  }
  socket->is_cut = true;
  return sent != 0 ? sent : port_fail(port, -IOCP_ENOMEM, 0);
}

int32_t iocp_broadcast(int32_t port_name,
                       const void* sockets,
                       void* results,
                       uint32_t count,
                       const void* buffer,
                       uint32_t offset,
                       uint32_t length) {
  int32_t error;
  struct port* port = port_table_find(port_name, &error);
  if (port == NULL) return error;
  if (count > INT32_MAX) return port_fail(port, -IOCP_EINVAL, 0);
  if (count != 0 && (sockets == NULL || results == NULL))
    return port_fail(port, -IOCP_EFAULT, 0);
  const int32_t* names = sockets;
  int32_t* sent = results;
  int32_t others = 0;
  for (uint32_t i = 0; i < count; i++) {
    sent[i] = iocp_send(port_name, names[i], buffer, offset, length);
    /* A negative result has this bit as well. */
    others += (sent[i] & IOCP_PENDING) != 0 || (uint32_t)sent[i] != length;
  }
  return others;
}

void stream_kept_moved(struct kept* kept, uint32_t bytes) {
  struct socket* socket = kept->socket;
  kept->offset += bytes;
  socket_count_sent(socket, bytes);
  /* Progress buys a close that waits for it more time. */
  if (socket->close_phase == CLOSE_DRAINING) progress_expect(socket);
}

static void stream__shut(struct socket* socket) {
  socket->shut_result = socket->error;
  /* Also after an error, or a second shutdown would be taken and not told. */
  socket->fin_sent = true;
  if (socket->error == 0) {
    socket->shut_result = engine_shutdown(socket);
    if (socket->shut_result < 0) {
      socket->detail = socket->port->native_error;
      socket->shut_result =
          socket_fail(socket, socket->shut_result, socket->detail);
    }
  }
  socket->shut_wanted = false;
  socket_ready(socket, READY_SHUT);
}

/* Nothing waits to leave any more. */
static void stream__drained(struct socket* socket) {
  if (socket->shut_wanted) stream__shut(socket);
  if (socket->state == SOCKET_CLOSING) socket_ready(socket, READY_CLOSE);
}

void stream_kept_done(struct kept* kept, int32_t error, int32_t native) {
  struct socket* socket = kept->socket;
  int32_t result = (int32_t)kept->length;
  if (error < 0) {
    result = socket_fail(socket, error, native);
    socket->detail = socket->error_native;
    /* The close cannot keep its promise, so it says so too. */
    if (socket->state == SOCKET_CLOSING) socket->close_result = result;
  }
  kept_done(kept, result);
  if (kept_first(socket) == NULL) stream__drained(socket);
}

int32_t iocp_shutdown(int32_t port_name, int32_t name) {
  int32_t error;
  struct socket* socket = stream__find(port_name, name, &error);
  if (socket == NULL) return error;
  if (socket->fin_sent || socket->shut_wanted)
    return port_fail(socket->port, -IOCP_EPIPE, 0);
  socket->shut_wanted = true;
  if (kept_first(socket) == NULL) stream__shut(socket);
  return 0;
}

void stream_abandon(struct socket* socket, int32_t error) {
  struct kept* kept;
  while ((kept = kept_first(socket)) != NULL) kept_done(kept, error);
  if (socket->shut_wanted) {
    socket->shut_result = error;
    socket->shut_wanted = false;
    socket_ready(socket, READY_SHUT);
  }
}

bool stream_tell_sent(struct socket* socket, struct batch* batch) {
  struct kept* kept;
  while ((kept = kept_told(socket)) != NULL) {
    if (batch_is_full(batch)) return true;
    batch_push(batch,
               socket,
               IOCP_SENT,
               kept->result,
               kept->result < 0 ? socket->detail : 0);
    kept_free(kept);
  }
  return false;
}
