/* SPDX-License-Identifier: MIT */
/*
 * Each wrong argument and each call in a wrong state returns its own error, and
 * the port continues as if the call had not been made.
 *
 * It is hard because FFI callers wrap numbers silently: arguments may be any 32
 * bits, and the order of the checks decides which error a user sees.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

static void poll_arguments(void) {
  struct drive drive;
  uint32_t memory[16];
  uint8_t slab[64];
  drive_open(&drive);
  int32_t port = drive.port;
  check_is(iocp_poll(port, NULL, 1, slab, 0, sizeof slab), -IOCP_EFAULT);
  check_is(iocp_poll(port, memory, 1, NULL, 0, 1), -IOCP_EFAULT);
  check_is(iocp_poll(port, memory, 0, slab, 0, sizeof slab), -IOCP_EINVAL);
  check_is(iocp_poll(port, memory, 4097, slab, 0, sizeof slab), -IOCP_EINVAL);
  check_is(iocp_poll(port, memory, UINT32_MAX, slab, 0, sizeof slab),
           -IOCP_EINVAL);
  check_is(iocp_poll(port, memory, 1, slab, sizeof slab + 1, sizeof slab),
           -IOCP_EINVAL);
  check_is(iocp_poll(port, memory, 1, slab, UINT32_MAX, sizeof slab),
           -IOCP_EINVAL);
  /* The slab has no bytes, but the header could not represent the offset. */
  check_is(iocp_poll(port, memory, 1, slab, 1u << 31, 1u << 31), -IOCP_EINVAL);
  check_is(iocp_poll(port, memory, 1, slab, UINT32_MAX, UINT32_MAX),
           -IOCP_EINVAL);
  check_is(iocp_poll(port, memory, 1, slab, INT32_MAX, INT32_MAX), 0);
  check_is(((struct iocp_header*)memory)->slab_end, INT32_MAX);
  check_is(iocp_poll(port, (uint8_t*)memory + 1, 1, slab, 0, sizeof slab),
           -IOCP_EINVAL);
  check_is(iocp_poll(port, memory, 1, slab, sizeof slab, sizeof slab), 0);
  check_is(((struct iocp_header*)memory)->slab_end, sizeof slab);
  check_is(((struct iocp_header*)memory)->timeout_ms, -1);
  check_is(iocp_stats(port, NULL), -IOCP_EFAULT);
  drive_delete(&drive);
}

static void listen_arguments(void) {
  struct drive drive;
  struct iocp_address address = raw_address("127.0.0.1", 0);
  struct iocp_address bad = address;
  drive_open(&drive);
  int32_t port = drive.port;
  check_is(iocp_listen(port, NULL, 1, 0), -IOCP_EFAULT);
  check_is(iocp_listen(port, &address, 1, 8), -IOCP_EINVAL);
  check_is(iocp_listen(port, &address, 1, UINT32_MAX), -IOCP_EINVAL);
  bad.family = 5;
  check_is(iocp_listen(port, &bad, 1, 0), -IOCP_EAFNOSUPPORT);
  bad.family = 0;
  check_is(iocp_listen(port, &bad, 1, 0), -IOCP_EAFNOSUPPORT);
  /* An address for documentation (RFC 5737), which no machine has. */
  bad = raw_address("192.0.2.1", 0);
  check_is(iocp_listen(port, &bad, 1, 0), -IOCP_EADDRNOTAVAIL);
  check(iocp_native_error(port) != 0);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  check_is(iocp_listen(port, &address, 1, 0), -IOCP_EADDRINUSE);
  check_is(iocp_accept(port, listener->id, IOCP_ACCEPT_MAX + 1), -IOCP_EINVAL);
  check_is(iocp_accept(port, listener->id, UINT32_MAX), -IOCP_EINVAL);
  check_is(iocp_accept(port, listener->id, IOCP_ACCEPT_MAX), 0);
  /* The system clamps the backlog. */
  bad = raw_address("127.0.0.1", 0);
  drive_add(&drive, iocp_listen(port, &bad, 0, 0))->is_listener = true;
  drive_add(&drive, iocp_listen(port, &bad, UINT32_MAX, 0))->is_listener = true;
  check_is(drive_poll(&drive), 0);
  check_is(drive.header.sockets, 3);
  drive_finish(&drive);
}

static void connect_arguments(void) {
  struct drive drive;
  struct iocp_address address = raw_address("127.0.0.1", 1);
  struct iocp_address bad = address;
  drive_open(&drive);
  int32_t port = drive.port;
  check_is(iocp_connect(port, NULL, NULL), -IOCP_EFAULT);
  check_is(iocp_connect(port, NULL, &address), -IOCP_EFAULT);
  bad.family = 7;
  check_is(iocp_connect(port, &bad, NULL), -IOCP_EAFNOSUPPORT);
  check_is(iocp_connect(port, &address, &bad), -IOCP_EAFNOSUPPORT);
  bad.family = 6;
  check_is(iocp_connect(port, &address, &bad), -IOCP_EAFNOSUPPORT);
  check_is(drive_poll(&drive), 0);
  check_is(drive.header.sockets, 0);
  drive_finish(&drive);
}

/* Calls for streams on a listener, and the reverse. */
static void listener_is_not_a_stream(void) {
  struct drive drive;
  struct iocp_address address;
  host_socket raw;
  char byte = 0;
  drive_open(&drive);
  int32_t port = drive.port;
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  int32_t id = listener->id;
  check_is(iocp_receive(port, id, 1), -IOCP_ENOTCONN);
  check_is(iocp_read(port, id, &byte, 0, 1), -IOCP_ENOTCONN);
  check_is(iocp_send(port, id, &byte, 0, 1), -IOCP_ENOTCONN);
  check_is(iocp_shutdown(port, id), -IOCP_ENOTCONN);
  check_is(iocp_get_address(
               port, id, IOCP_PEER, &address, sizeof(struct iocp_address)),
           -IOCP_ENOTCONN);
  struct drive_socket* stream = drive_raw_pair(&drive, 0, &raw);
  check_is(iocp_accept(port, stream->id, 1), -IOCP_EINVAL);
  raw_close(raw);
  drive_finish(&drive);
}

static void stream_arguments(void) {
  struct drive drive;
  host_socket raw;
  char byte = 0;
  drive_open(&drive);
  int32_t port = drive.port;
  struct drive_socket* stream = drive_raw_pair(&drive, 0, &raw);
  int32_t id = stream->id;
  check_is(iocp_receive(port, id, 0), -IOCP_EINVAL);
  check_is(iocp_receive(port, id, (1u << 30) + 1), -IOCP_EINVAL);
  check_is(iocp_receive(port, id, UINT32_MAX), -IOCP_EINVAL);
  check_is(iocp_read(port, id, NULL, 0, 1), -IOCP_EFAULT);
  check_is(iocp_read(port, id, &byte, 0, 0), -IOCP_EINVAL);
  check_is(iocp_send(port, id, NULL, 0, 1), -IOCP_EFAULT);
  check_is(iocp_send(port, id, &byte, 0, 0), 0);
  check_is(iocp_send(port, id, NULL, 0, 0), 0);
  check_is(iocp_close(port, id, 3, 0), -IOCP_EINVAL);
  check_is(iocp_close(port, id, UINT32_MAX, 0), -IOCP_EINVAL);
  check_is(
      iocp_get_address(port, id, IOCP_LOCAL, NULL, sizeof(struct iocp_address)),
      -IOCP_EFAULT);
  check_is(iocp_get_address(port, id, 2, &byte, sizeof(struct iocp_address)),
           -IOCP_EINVAL);
  drive_receive(stream, 1u << 30);
  check_is(iocp_receive(port, id, 1), -IOCP_EINVAL);
  check_is(iocp_read(port, id, &byte, 0, 1), -IOCP_EBUSY);
  /* After all that the stream still works. */
  check_is(raw_send(raw, "x", 1), 1);
  drive_until(&drive, stream->received == 1);
  drive_receive(stream, 1);
  check_is(iocp_receive(port, id, 1), -IOCP_EINVAL);
  raw_close(raw);
  drive_finish(&drive);
}

/* One send at a time, and a limit for the bytes of one call. */
static void send_limits(void) {
  static uint8_t bytes[IOCP_SEND_MAX + 1];
  struct iocp_stats stats;
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* stream = drive_raw_pair(&drive, 16384, &raw);
  pattern_fill(bytes, sizeof bytes, 9, 0);
  check_is(drive_send(stream, bytes, sizeof bytes), IOCP_SEND_MAX);
  drive_fill(stream, 9);
  check_is(iocp_send(drive.port, stream->id, bytes, 0, 1), -IOCP_EBUSY);
  check_is(iocp_send(drive.port, stream->id, bytes, 0, 0), -IOCP_EBUSY);
  check_is(iocp_stats(drive.port, &stats), 0);
  check(stats.bytes_unsent > 0 && stats.bytes_unsent <= IOCP_SEND_MAX);
  drive_raw_expect(&drive, raw, 9, 0, stream->sent);
  drive_until(&drive, !stream->send_pending);
  check_is(iocp_stats(drive.port, &stats), 0);
  check_is(stats.bytes_unsent, 0);
  check_is(stats.bytes_sent, stream->sent);
  pattern_fill(bytes, 1000, 9, stream->sent);
  check_is(drive_send(stream, bytes, 1000), 1000);
  raw_close(raw);
  drive_finish(&drive);
}

/* Exactly the part of the buffer that offset and length select is sent. */
static void send_offsets(void) {
  uint8_t bytes[300];
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* stream = drive_raw_pair(&drive, 0, &raw);
  memset(bytes, 0, sizeof bytes);
  pattern_fill(bytes + 100, 100, 9, 0);
  int32_t result = drive_try_send(stream, bytes, 100, 70);
  check_is(result & ~IOCP_PENDING, 70);
  drive_until(&drive, !stream->send_pending);
  result = drive_try_send(stream, bytes, 170, 30);
  check_is(result & ~IOCP_PENDING, 30);
  drive_raw_expect(&drive, raw, 9, 0, 100);
  raw_close(raw);
  drive_finish(&drive);
}

static void connecting_is_not_connected(void) {
  struct drive drive;
  struct iocp_address address;
  char byte = 0;
  drive_open(&drive);
  int32_t port = drive.port;
  host_socket listener = raw_listen("127.0.0.1", &address);
  raw_close(listener);
  struct drive_socket* socket = drive_connect(&drive, &address);
  for (int i = 0; i < 2; i++) {
    check_is(iocp_receive(port, socket->id, 1), -IOCP_ENOTCONN);
    check_is(iocp_read(port, socket->id, &byte, 0, 1), -IOCP_ENOTCONN);
    check_is(iocp_send(port, socket->id, &byte, 0, 1), -IOCP_ENOTCONN);
    check_is(iocp_shutdown(port, socket->id), -IOCP_ENOTCONN);
    check_is(iocp_accept(port, socket->id, 1), -IOCP_EINVAL);
    /* In the second round the connection has failed. */
    drive_until(&drive, socket->connect_result != DRIVE_NOTHING);
    check(socket->connect_result < 0);
  }
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(poll_arguments),
          TEST_CASE(listen_arguments),
          TEST_CASE(connect_arguments),
          TEST_CASE(listener_is_not_a_stream),
          TEST_CASE(stream_arguments),
          TEST_CASE(send_limits),
          TEST_CASE(send_offsets),
          TEST_CASE(connecting_is_not_connected))
