/* SPDX-License-Identifier: MIT */
/*
 * iocp_read() receives into the caller's buffer, and one IOCP_READABLE says
 * when to call it again.
 *
 * It is hard because it is a second way into the same stream: it must keep the
 * order with iocp_receive(), and an edge of readiness that one of the two has
 * used up must not be missed by the other.
 */
#include <stdlib.h>
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

static void open_pair(struct drive* drive,
                      struct drive_socket** socket_out,
                      host_socket* raw_out) {
  drive_open(drive);
  *socket_out = drive_raw_pair(drive, 0, raw_out);
  (*socket_out)->receive_seed = 7;
}

/* Reads when readable is reported, until `total` bytes have arrived. */
static void read_until(struct drive_socket* socket,
                       uint32_t length,
                       uint64_t total) {
  uint8_t* bytes = malloc(length);
  check(bytes != NULL);
  while (socket->received < total) {
    int32_t result = drive_read(socket, bytes, length);
    check(result > 0);
    if (result == IOCP_PENDING)
      drive_until(socket->drive, !socket->read_pending);
  }
  check_is(socket->received, total);
  free(bytes);
}

static void readable_comes_once(void) {
  struct drive drive;
  struct drive_socket* socket;
  host_socket raw;
  uint8_t bytes[100];
  open_pair(&drive, &socket, &raw);
  check_is(drive_read(socket, bytes, sizeof bytes), IOCP_PENDING);
  drive_for(&drive, 50);
  check_is(socket->readable_count, 0);
  check_is(iocp_read(drive.port, socket->id, bytes, 0, 1), -IOCP_EBUSY);
  drive_raw_send(&drive, raw, 7, 0, 150);
  drive_until(&drive, socket->readable_count == 1);
  check_is(socket->read_result, 0);
  read_until(socket, sizeof bytes, 150);
  /* More data without a new iocp_read() is not reported. */
  uint32_t count = socket->readable_count;
  drive_raw_send(&drive, raw, 7, 150, 10);
  drive_for(&drive, 50);
  check_is(socket->readable_count, count);
  read_until(socket, sizeof bytes, 160);
  raw_close(raw);
  drive_finish(&drive);
}

/* A read writes only to its part of the buffer. */
static void bytes_stay_in_their_place(void) {
  struct drive drive;
  struct drive_socket* socket;
  host_socket raw;
  uint8_t bytes[64];
  open_pair(&drive, &socket, &raw);
  drive_raw_send(&drive, raw, 7, 0, 1000);
  read_until(socket, 1, 1);
  memset(bytes, 0xa5, sizeof bytes);
  int32_t result;
  while ((result = iocp_read(drive.port, socket->id, bytes, 10, 20)) ==
         IOCP_PENDING) {
    socket->read_pending = true;
    drive_until(&drive, !socket->read_pending);
  }
  check_is(result, 20);
  drive.received += 20;
  pattern_check(bytes + 10, 20, 7, 1);
  for (int i = 0; i < 10; i++) check_is(bytes[i], 0xa5);
  for (int i = 30; i < 64; i++) check_is(bytes[i], 0xa5);
  raw_close(raw);
  drive_finish(&drive);
}

/* Both ways in turn: each continues where the other has stopped. */
static void modes_alternate(void) {
  struct drive drive;
  struct drive_socket* socket;
  host_socket raw;
  uint8_t byte;
  open_pair(&drive, &socket, &raw);
  for (uint32_t i = 0; i < 100; i++) {
    uint64_t start = i * 1000;
    drive_raw_send(&drive, raw, 7, start, 1000);
    drive_receive(socket, 300);
    check_is(iocp_read(drive.port, socket->id, &byte, 0, 1), -IOCP_EBUSY);
    drive_until(&drive, socket->received == start + 300);
    read_until(socket, 100, start + 400);
    drive_receive(socket, 600);
    drive_until(&drive, socket->received == start + 1000);
  }
  check_is(drive_read(socket, &byte, 1), IOCP_PENDING);
  check_is(iocp_receive(drive.port, socket->id, 1), -IOCP_EBUSY);
  raw_close(raw);
  drive_until(&drive, !socket->read_pending);
  drive_finish(&drive);
}

static void end_is_returned_again(void) {
  struct drive drive;
  struct drive_socket* socket;
  host_socket raw;
  uint8_t byte;
  open_pair(&drive, &socket, &raw);
  drive_raw_send(&drive, raw, 7, 0, 3);
  read_until(socket, 10, 3);
  check_is(drive_read(socket, &byte, 1), IOCP_PENDING);
  raw_shutdown(raw);
  drive_until(&drive, !socket->read_pending);
  for (int i = 0; i < 3; i++) check_is(drive_read(socket, &byte, 1), 0);
  check_is(iocp_receive(drive.port, socket->id, 1), -IOCP_ESHUTDOWN);
  /* The other direction is still open. */
  drive_pump(socket, 9, 1000, 1000);
  drive_raw_expect(&drive, raw, 9, 0, 1000);
  raw_close(raw);
  drive_finish(&drive);
}

static void reset_is_not_an_end(void) {
  struct drive drive;
  struct drive_socket* socket;
  host_socket raw;
  uint8_t byte;
  open_pair(&drive, &socket, &raw);
  check_is(drive_read(socket, &byte, 1), IOCP_PENDING);
  raw_reset(raw);
  drive_until(&drive, !socket->read_pending);
  for (int i = 0; i < 3; i++)
    check_is(drive_read(socket, &byte, 1), -IOCP_ECONNRESET);
  check(iocp_native_error(drive.port) != 0);
  drive_finish(&drive);
}

static void close_cancels_it(void) {
  struct drive drive;
  struct drive_socket* socket;
  host_socket raw;
  uint8_t byte;
  open_pair(&drive, &socket, &raw);
  check_is(drive_read(socket, &byte, 1), IOCP_PENDING);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  check_is(drive_raw_end(&drive, raw), 0);
  raw_close(raw);
  drive_until(&drive, socket->is_closed);
  check_is(socket->read_result, -IOCP_ECANCELED);
  drive_finish(&drive);
}

static void large_stream(void) {
  struct drive drive;
  struct drive_socket* client;
  struct drive_socket* server;
  drive_open(&drive);
  drive_pair(&drive, &client, &server);
  server->receive_seed = 7;
  drive_pump(client, 7, 16 << 20, 100000);
  read_until(server, 30011, 16 << 20);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(readable_comes_once),
          TEST_CASE(bytes_stay_in_their_place),
          TEST_CASE(modes_alternate),
          TEST_CASE(end_is_returned_again),
          TEST_CASE(reset_is_not_an_end),
          TEST_CASE(close_cancels_it),
          TEST_CASE(large_stream))
