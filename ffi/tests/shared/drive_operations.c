/* SPDX-License-Identifier: MIT */
/* The driver's calls of the port. Each operation is noted as pending. */
#include <string.h>

#include "drive.h"
#include "pattern.h"
#include "raw.h"

/* The longest wait of a step, so that conditions outside the port are checked
 * often. */
#define DRIVE__STEP_MS 5
/* A send that has been pending for so long stays so until the peer reads. */
#define DRIVE__STUCK_MS 100
/* More than any system buffers for one connection. */
#define DRIVE__FILL_MAX (256u << 20)

struct drive_socket* drive_listen(struct drive* drive,
                                  const char* literal,
                                  uint32_t flags,
                                  struct iocp_address* address_out) {
  struct iocp_address address = raw_address(literal, 0);
  struct drive_socket* socket =
      drive_add(drive, iocp_listen(drive->port, &address, 1024, flags));
  socket->is_listener = true;
  check_is(iocp_get_address(drive->port,
                            socket->id,
                            IOCP_LOCAL,
                            address_out,
                            sizeof(struct iocp_address)),
           sizeof(struct iocp_address));
  check_is(address_out->family, address.family);
  check(address_out->port != 0);
  return socket;
}

void drive_accept(struct drive_socket* listener, uint32_t count) {
  check_is(iocp_accept(listener->drive->port, listener->id, count), 0);
}

struct drive_socket* drive_connect(struct drive* drive,
                                   const struct iocp_address* address) {
  struct drive_socket* socket =
      drive_add(drive, iocp_connect(drive->port, address, NULL));
  socket->connect_pending = true;
  return socket;
}

void drive_receive(struct drive_socket* socket, uint32_t bytes) {
  check_is(iocp_receive(socket->drive->port, socket->id, bytes), 0);
  socket->credit += bytes;
}

int32_t drive_read(struct drive_socket* socket, void* bytes, uint32_t length) {
  int32_t result = iocp_read(socket->drive->port, socket->id, bytes, 0, length);
  if (result == IOCP_PENDING) {
    socket->read_pending = true;
    return result;
  }
  if (result <= 0) {
    /* A repeated receive returns the same end. */
    check(socket->end_result == DRIVE_NOTHING || socket->end_result == result);
    socket->end_result = result;
    return result;
  }
  check(result <= (int32_t)length);
  check_is(socket->end_result, DRIVE_NOTHING);
  if (socket->receive_seed != 0)
    pattern_check(
        bytes, (uint32_t)result, socket->receive_seed, socket->received);
  socket->received += (uint32_t)result;
  socket->drive->received += (uint32_t)result;
  return result;
}

void drive_was_sent(struct drive_socket* socket,
                    uint32_t length,
                    int32_t result) {
  if (result < 0) return;
  int32_t accepted = result & ~IOCP_PENDING;
  check(accepted <= (int32_t)length && accepted <= IOCP_SEND_MAX);
  check(accepted > 0 || length == 0);
  /* One at a time, or as many as the test allows. */
  check(!socket->send_pending);
  if ((result & IOCP_PENDING) != 0) {
    uint32_t limit = socket->concurrency != 0 ? socket->concurrency : 1;
    socket->send_accepted[socket->sends_pending++] = accepted;
    socket->send_pending = socket->sends_pending == limit;
  }
  socket->sent += (uint32_t)accepted;
}

int32_t drive_try_send(struct drive_socket* socket,
                       const void* bytes,
                       uint32_t offset,
                       uint32_t length) {
  int32_t result =
      iocp_send(socket->drive->port, socket->id, bytes, offset, length);
  drive_was_sent(socket, length, result);
  return result;
}

int32_t drive_send(struct drive_socket* socket,
                   const void* bytes,
                   uint32_t length) {
  int32_t result = drive_try_send(socket, bytes, 0, length);
  check(result >= 0);
  return result & ~IOCP_PENDING;
}

void drive_shutdown(struct drive_socket* socket) {
  check_is(iocp_shutdown(socket->drive->port, socket->id), 0);
  socket->shut_pending = true;
}

void drive_detach(struct drive_socket* socket, uint32_t timeout_ms) {
  socket->detach_pending = true;
  drive_close(socket, IOCP_DETACH, timeout_ms);
}

void drive_set(struct drive_socket* socket, uint32_t option, int32_t value) {
  int32_t port = socket->drive->port;
  check_is(iocp_set_option(port, socket->id, option, value), 0);
  check_is(iocp_get_option(port, socket->id, option), value);
  if (option == IOCP_DEFER_ACCEPT && value != 0)
    socket->drive->may_defer = true;
  if (option == IOCP_SEND_CONCURRENCY) socket->concurrency = (uint32_t)value;
}

struct iocp_socket_stats drive_stats(const struct drive_socket* socket) {
  struct iocp_socket_stats stats;
  check_is(iocp_socket_stats(socket->drive->port, socket->id, &stats), 0);
  return stats;
}

void drive_close(struct drive_socket* socket,
                 uint32_t mode,
                 uint32_t timeout_ms) {
  check_is(iocp_close(socket->drive->port, socket->id, mode, timeout_ms), 0);
  socket->close_pending = true;
}

/* ---- more than one call */

struct drive_socket* drive_next_accepted(struct drive_socket* listener) {
  struct drive_socket* socket = listener->accepted_first;
  if (socket != NULL) listener->accepted_first = socket->next_accepted;
  return socket;
}

void drive_pump(struct drive_socket* socket,
                uint64_t seed,
                uint64_t goal,
                uint32_t send_size) {
  uint8_t* bytes = socket->drive->scratch;
  check(send_size > 0 && send_size <= DRIVE_SCRATCH);
  socket->send_seed = seed;
  socket->send_goal = goal;
  socket->send_size = send_size;
  while (!socket->send_pending && socket->sent < goal) {
    uint64_t left = goal - socket->sent;
    uint32_t length = left < send_size ? (uint32_t)left : send_size;
    pattern_fill(bytes, length, seed, socket->sent);
    drive_send(socket, bytes, length);
  }
}

void drive_fill(struct drive_socket* socket, uint64_t seed) {
  uint8_t* bytes = socket->drive->scratch;
  uint64_t moved_ms = host_now_ms();
  /* A send that is pending now may still complete without the peer. */
  while (!socket->send_pending || host_now_ms() - moved_ms < DRIVE__STUCK_MS) {
    if (socket->send_pending) {
      drive_for(socket->drive, DRIVE__STEP_MS);
      continue;
    }
    pattern_fill(bytes, IOCP_SEND_MAX, seed, socket->sent);
    drive_send(socket, bytes, IOCP_SEND_MAX);
    check(socket->sent < DRIVE__FILL_MAX);
    moved_ms = host_now_ms();
  }
  socket->send_result = DRIVE_NOTHING;
}

void drive_sink(struct drive_socket* socket, uint64_t seed, uint32_t credit) {
  socket->receive_seed = seed;
  socket->refills = true;
  drive_receive(socket, credit);
}

void drive_close_now(struct drive_socket* socket) {
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_until(socket->drive, socket->is_closed);
  check_is(socket->close_result, 0);
}

void drive_pair(struct drive* drive,
                struct drive_socket** client_out,
                struct drive_socket** server_out) {
  struct iocp_address address;
  struct drive_socket* listener = drive_listen(drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 1);
  struct drive_socket* client = drive_connect(drive, &address);
  drive_until(drive,
              client->connect_result != DRIVE_NOTHING &&
                  listener->accepted_first != NULL);
  check_is(client->connect_result, 0);
  *client_out = client;
  *server_out = drive_next_accepted(listener);
  drive_close_now(listener);
  drive_forget(listener);
}

struct drive_socket* drive_raw_pair(struct drive* drive,
                                    int32_t buffer_bytes,
                                    host_socket* raw_out) {
  struct iocp_address address;
  struct drive_socket* listener = drive_listen(drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 1);
  *raw_out = raw_connect_buffered(&address, buffer_bytes);
  drive_until(drive, listener->accepted_first != NULL);
  struct drive_socket* socket = drive_next_accepted(listener);
  drive_close_now(listener);
  drive_forget(listener);
  return socket;
}

struct drive_socket* drive_raw_receiver(struct drive* drive,
                                        host_socket* raw_out) {
  struct drive_socket* socket = drive_raw_pair(drive, 0, raw_out);
  drive_receive(socket, 100);
  drive_for(drive, 20);
  return socket;
}
