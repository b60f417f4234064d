/* SPDX-License-Identifier: MIT */
#include "calls.h"
#include "environment.h"

#define STREAM__MEMORY (2 * IOCP_SEND_MAX)

static uint8_t memory[STREAM__MEMORY];

/* The socket of the two ids that can receive, unless it is closing. Otherwise
 * NULL, and the error that the call must return. */
static struct model_socket* stream__find_receiver(int32_t port,
                                                  int32_t id,
                                                  int32_t* forced) {
  *forced = model_refuses(port, id);
  if (*forced != 0) return NULL;
  struct model_socket* socket = model_socket(port, id);
  if (socket->is_closing ||
      model_is_ended_part(socket, iocp_get_option(port, id, IOCP_GROUP)))
    *forced = -IOCP_EBADF;
  else if (socket->is_listener || socket->has_failed)
    *forced = -IOCP_ENOTCONN;
  return *forced == 0 ? socket : NULL;
}

struct model_socket* stream_find(int32_t port, int32_t id, int32_t* forced) {
  struct model_socket* socket = stream__find_receiver(port, id, forced);
  if (socket == NULL || !socket->is_datagram) return socket;
  *forced = -IOCP_ENOTCONN;
  return NULL;
}

bool stream_is_unreported(const struct model_socket* socket, int32_t result) {
  return (socket->connect_pending && result == -IOCP_ENOTCONN) ||
         (socket->may_time_out && result == -IOCP_EBADF);
}

void call_receive(const struct step* step, int32_t port, int32_t id) {
  static const uint32_t counts[] = {1,
                                    4096,
                                    1u << 16,
                                    (1u << 30) - 1,
                                    1u << 30,
                                    (1u << 30) + 1,
                                    0,
                                    UINT32_MAX};
  uint32_t bytes = step->a < 128 ? 1000 : counts[step->a % 8];
  int32_t forced;
  struct model_socket* socket = stream__find_receiver(port, id, &forced);
  int32_t result = iocp_receive(port, id, bytes);
  if (socket == NULL) {
    model_check(result, forced);
    return;
  }
  if (result < 0 && stream_is_unreported(socket, result)) return;
  if (bytes == 0 || bytes > 1u << 30 || socket->credit + bytes > 1u << 30)
    forced = -IOCP_EINVAL;
  else if (socket->has_ended)
    forced = -IOCP_ESHUTDOWN;
  else if (socket->read_pending)
    forced = -IOCP_EBUSY;
  model_check(result, forced);
  FUZZ_CHECK(forced != 0 || result == 0);
  if (result == 0) socket->credit += bytes;
}

static void stream__was_read(struct model_socket* socket,
                             int32_t result,
                             uint32_t length) {
  if (result == IOCP_PENDING) {
    FUZZ_CHECK(!socket->has_ended);
    socket->read_pending = true;
    return;
  }
  FUZZ_CHECK(result <= (int32_t)length);
  FUZZ_CHECK(result <= 0 || !socket->has_ended);
  FUZZ_CHECK(result >= 0 || model_is_broken(result));
  if (result <= 0) socket->has_ended = true;
}

void call_read(const struct step* step, int32_t port, int32_t id) {
  static const uint32_t lengths[] = {1, 100, 4096, 65536, STREAM__MEMORY};
  uint32_t length = lengths[step->a % 5];
  uint32_t offset = step->b < 128 ? 0 : STREAM__MEMORY - length;
  uint8_t* buffer = memory + STREAM__MEMORY - length - offset;
  int32_t forced;
  if (step->c >= 224) length = 0;
  if (step->c >= 240) buffer = NULL;
  /* Nothing is accessed, so the pointer may be any. */
  if (step->c >= 224 && step->b >= 240) offset = UINT32_MAX;
  struct model_socket* socket = stream_find(port, id, &forced);
  int32_t result = iocp_read(port, id, buffer, offset, length);
  if (socket == NULL) {
    model_check(result, forced);
    return;
  }
  if (result < 0 && stream_is_unreported(socket, result)) return;
  if (buffer == NULL)
    forced = -IOCP_EFAULT;
  else if (length == 0)
    forced = -IOCP_EINVAL;
  else if (socket->credit != 0 || socket->read_pending)
    forced = -IOCP_EBUSY;
  model_check(result, forced);
  if (forced == 0) stream__was_read(socket, result, length);
}

void stream_was_sent(struct model_socket* socket,
                     int32_t result,
                     uint32_t length) {
  if (result < 0) {
    FUZZ_CHECK(model_is_broken(result) ||
               (result == -IOCP_EBUSY && socket->sends != 0) ||
               (result == -IOCP_ENOMEM && environment_was_short()));
    return;
  }
  uint32_t accepted = (uint32_t)result & ~(uint32_t)IOCP_PENDING;
  FUZZ_CHECK(accepted <= IOCP_SEND_MAX && accepted <= length);
  FUZZ_CHECK(accepted != 0 || length == 0);
  FUZZ_CHECK(!socket->is_shut);
  FUZZ_CHECK(socket->sends < IOCP_CONCURRENCY_MAX);
  if ((result & IOCP_PENDING) == 0) return;
  FUZZ_CHECK(length != 0);
  socket->sends++;
}

/* Sometimes as a broadcast to one socket, which must do the same. */
static int32_t stream__send(const struct step* step,
                            int32_t port,
                            int32_t id,
                            const void* buffer,
                            uint32_t offset,
                            uint32_t length) {
  int32_t result = 0;
  if ((step->d & 32) == 0) return iocp_send(port, id, buffer, offset, length);
  /* Wrong arguments, with which no byte is accessed. */
  if ((step->d & 31) == 31) {
    int32_t refused = model_refuses_port(port);
    uint32_t count = step->a < 128 ? UINT32_MAX : 1;
    int32_t expected = count == 1 ? -IOCP_EFAULT : -IOCP_EINVAL;
    model_check(iocp_broadcast(port, &id, NULL, count, buffer, offset, length),
                refused != 0 ? refused : expected);
  }
  int32_t others =
      iocp_broadcast(port, &id, &result, 1, buffer, offset, length);
  if (others < 0) return others;
  FUZZ_IS(others, result != (int32_t)length);
  return result;
}

void call_send(const struct step* step, int32_t port, int32_t id) {
  static const uint32_t lengths[] = {
      1, 1000, 4096, 65536, IOCP_SEND_MAX, IOCP_SEND_MAX + 1, STREAM__MEMORY};
  uint32_t length = lengths[step->a % 7];
  uint32_t offset = step->b < 128 ? 0 : STREAM__MEMORY - length;
  const uint8_t* buffer = memory + STREAM__MEMORY - length - offset;
  int32_t forced;
  if (step->c >= 224) length = 0;
  if (step->c >= 224 && step->b >= 240) offset = UINT32_MAX;
  if (step->d >= 240) buffer = NULL;
  struct model_socket* socket = stream_find(port, id, &forced);
  int32_t result = stream__send(step, port, id, buffer, offset, length);
  if (socket == NULL) {
    model_check(result, forced);
    return;
  }
  if (result < 0 && stream_is_unreported(socket, result)) return;
  /* The state of the connection is checked first. */
  if (buffer == NULL && length != 0) {
    FUZZ_CHECK(result == -IOCP_EFAULT || result == -IOCP_EBUSY ||
               model_is_broken(result));
    return;
  }
  model_check(result, 0);
  stream_was_sent(socket, result, length);
}

void call_shutdown(const struct step* step, int32_t port, int32_t id) {
  int32_t forced;
  (void)step;
  struct model_socket* socket = stream_find(port, id, &forced);
  int32_t result = iocp_shutdown(port, id);
  if (socket == NULL) {
    model_check(result, forced);
    return;
  }
  if (result < 0 && stream_is_unreported(socket, result)) return;
  FUZZ_IS(result, socket->is_shut ? -IOCP_EPIPE : 0);
  if (result != 0) return;
  socket->is_shut = true;
  socket->shut_pending = true;
}

void call_close(const struct step* step, int32_t port, int32_t id) {
  static const uint32_t modes[] = {3, 4, 1u << 31, UINT32_MAX};
  static const uint32_t timeouts_ms[] = {0, 1, 16, 1000, 60000, UINT32_MAX};
  uint32_t mode = step->a < 240 ? step->a % 3 : modes[step->a % 4];
  int32_t forced = model_refuses(port, id);
  struct model_socket* socket = forced == 0 ? model_socket(port, id) : NULL;
  int32_t result = iocp_close(port, id, mode, timeouts_ms[step->b % 6]);
  if (socket == NULL) {
    model_check(result, forced);
    return;
  }
  if (mode > IOCP_DETACH) {
    model_check(result, -IOCP_EINVAL);
  } else if (mode == IOCP_DETACH) {
    if (socket->is_closing) forced = -IOCP_EBADF;
    if ((socket->is_listener || socket->is_datagram) && forced == 0)
      forced = -IOCP_ENOTCONN;
    model_check(result, forced);
    if (forced == 0 && result < 0)
      FUZZ_CHECK(model_is_broken(result) ||
                 stream_is_unreported(socket, result));
  } else {
    FUZZ_IS(result, 0);
  }
  if (result != 0) return;
  if (socket->is_closing && mode == IOCP_RESET) socket->was_reset = true;
  if (!socket->is_closing && mode == IOCP_DETACH) socket->is_detaching = true;
  socket->is_closing = true;
}
