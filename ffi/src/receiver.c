/* SPDX-License-Identifier: MIT */
#include "receiver.h"

#include "engine.h"
#include "first_byte.h"

static uint32_t receiver__min(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* Makes the result of a receive terminal. After any failure, an end of the
 * stream is reported as that failure. */
static int32_t receiver__end(struct socket* socket, int32_t result) {
  socket->receive_ended = true;
  socket->credit = 0;
  if (result < 0) socket_fail(socket, result, socket->port->native_error);
  /* An end that was reported stays one, even if a later send fails. */
  if (socket->error != 0 && !socket->end_seen) {
    socket->port->native_error = socket->error_native;
    return socket->error;
  }
  socket->end_seen = true;
  return 0;
}

/* ---- into the slab */

static void receiver__push(struct socket* socket,
                           struct batch* batch,
                           uint32_t bytes) {
  batch_push(
      batch, socket, IOCP_RECEIVED, (int32_t)bytes, (int32_t)batch->offset);
  /* The next chunk is aligned, for callers who view it as numbers. */
  batch->offset +=
      receiver__min((bytes + 7) & ~7u, batch->length - batch->offset);
  socket_count_received(socket, bytes);
}

/* Room in the slab for one more record of data, or 0 when it is full. */
static uint32_t receiver__room(const struct socket* socket,
                               struct batch* batch) {
  uint32_t room = batch->length - batch->offset;
  uint32_t most =
      socket->is_borrowed ? socket->borrow.receive_max : IOCP_RECEIVE_MAX;
  if (room >= IOCP_SLAB_MIN) return receiver__min(room, most);
  batch->header->flags |= IOCP_SLAB_FULL;
  return 0;
}

/* Before a detach completes, what its operations received is delivered. */
static bool receiver__deliver_detached(struct socket* socket,
                                       struct batch* batch) {
  bool has_more;
  uint32_t room = receiver__room(socket, batch);
  if (room == 0) return true;
  int32_t result =
      engine_receive(socket, batch->slab + batch->offset, room, &has_more);
  if (result > 0) {
    receiver__push(socket, batch, (uint32_t)result);
    return true;
  }
  /* The next owner of the handle will see the end or the error again. */
  socket->close_phase = CLOSE_DETACHED;
  socket_ready(socket, READY_CLOSE);
  return false;
}

static bool receiver__receive(struct socket* socket, struct batch* batch) {
  bool has_more = false;
  uint32_t room = receiver__room(socket, batch);
  if (room == 0) return true;
  int32_t result = engine_receive(socket,
                                  batch->slab + batch->offset,
                                  receiver__min(room, socket->credit),
                                  &has_more);
  if (result == ENGINE_WOULD_BLOCK) {
    engine_arm_receive(socket, socket->credit);
    return false;
  }
  first_byte_arrived(socket);
  if (result <= 0) {
    result = receiver__end(socket, result);
    batch_push(batch,
               socket,
               IOCP_RECEIVED,
               result,
               result < 0 ? socket->error_native : 0);
    return false;
  }
  receiver__push(socket, batch, (uint32_t)result);
  socket->credit -= (uint32_t)result;
  if (socket->credit == 0) return false;
  /* Only a pending receive shows that the owner of a borrowed handle has closed
   * it, so such a socket always has one posted. */
  if (!has_more || socket->receive_depth > 1 || socket->is_borrowed)
    engine_arm_receive(socket, socket->credit);
  return has_more;
}

bool receiver_deliver(struct socket* socket, struct batch* batch) {
  if (socket->close_phase == CLOSE_DELIVERING)
    return receiver__deliver_detached(socket, batch);
  if (socket->state == SOCKET_CLOSING) {
    socket_ready(socket, READY_CLOSE);
    return false;
  }
  if (socket->read_armed) {
    socket->read_armed = false;
    batch_push(batch, socket, IOCP_READABLE, 0, 0);
    return false;
  }
  /* Without credit the data stays in the kernel until iocp_receive(). */
  return socket->credit != 0 && receiver__receive(socket, batch);
}

/* ---- calls */

int32_t receiver_add_credit(struct socket* socket, uint32_t bytes) {
  struct port* port = socket->port;
  if (bytes == 0 || bytes > RECEIVER_CREDIT_MAX ||
      socket->credit > RECEIVER_CREDIT_MAX - bytes)
    return port_fail(port, -IOCP_EINVAL, 0);
  if (socket->receive_ended) return port_fail(port, -IOCP_ESHUTDOWN, 0);
  if (socket->read_armed) return port_fail(port, -IOCP_EBUSY, 0);
  /* With credit left a receive is posted already; with a larger depth another
   * one may be. */
  if (socket->credit == 0 || socket->receive_depth > 1)
    socket_ready(socket, READY_RECEIVE);
  socket->credit += bytes;
  return 0;
}

int32_t receiver_read(struct socket* socket, void* buffer, uint32_t length) {
  if (socket->credit != 0 || socket->read_armed)
    return port_fail(socket->port, -IOCP_EBUSY, 0);
  if (socket->receive_ended) return receiver__end(socket, 0);
  bool has_more = false;
  int32_t result = engine_receive(
      socket, buffer, receiver__min(length, 1u << 29), &has_more);
  if (result == ENGINE_WOULD_BLOCK) {
    socket->read_armed = true;
    engine_arm_receive(socket, 0);
    return IOCP_PENDING;
  }
  first_byte_arrived(socket);
  if (result <= 0) return receiver__end(socket, result);
  socket_count_received(socket, (uint32_t)result);
  return result;
}
