/* SPDX-License-Identifier: MIT */
/*
 * Zero-byte receives need no buffer, a posted buffer has the size that was set,
 * several are posted at a time, and never more than the credit.
 *
 * It is hard because packets of several receives may arrive in any order, and
 * an end, an error or a close may affect any of them: bytes must still be
 * reported in the order of the stream, and each terminal completion once. Where
 * nothing is posted (Linux) the bytes must arrive just the same, and no buffer
 * is ever used.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define MIB (1 << 20)

static struct drive_socket* pair_with(struct drive* drive,
                                      int32_t buffer,
                                      int32_t depth,
                                      host_socket* raw_out) {
  struct drive_socket* socket = drive_raw_pair(drive, 0, raw_out);
  drive_set(socket, IOCP_RECEIVE_BUFFER, buffer);
  drive_set(socket, IOCP_RECEIVE_DEPTH, depth);
  return socket;
}

/* What is posted to the kernel, on systems that post. */
static void check_posted(const struct drive_socket* socket,
                         uint32_t count,
                         uint32_t bytes) {
  struct iocp_socket_stats stats = drive_stats(socket);
  bool posts = host_posts_operations();
  check_is(stats.receives_posted, posts ? count : 0);
  check_is(stats.bytes_posted, posts ? bytes : 0);
  check_is(stats.operations, posts ? count : 0);
}

static void zero_byte_holds_nothing(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = pair_with(&drive, 0, 1, &raw);
  drive_sink(socket, 7, 100000);
  drive_drain(&drive);
  check_posted(socket, 1, 0);
  for (int i = 0; i < 20; i++) {
    drive_raw_send(&drive, raw, 7, socket->received, 50000);
    drive_until(&drive, socket->received == 50000u * (uint32_t)(i + 1));
    check_is(drive_stats(socket).bytes_posted, 0);
  }
  raw_close(raw);
  drive_until(&drive, socket->end_result == 0);
  drive_finish(&drive);
}

static void buffers_are_as_asked_for(void) {
  static const struct {
    int32_t buffer, depth;
    uint32_t credit, count, bytes;
  } rows[] = {{4096, 1, MIB, 1, 4096},
              {65536, 1, MIB, 1, 65536},
              {4096, 8, MIB, 8, 8 * 4096},
              {4096, 8, 10000, 3, 10000},
              {4096, 8, 100, 1, 100},
              {MIB, 64, 1 << 30, 64, 64 * MIB}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct drive drive;
    host_socket raw;
    drive_open(&drive);
    struct drive_socket* socket =
        pair_with(&drive, rows[i].buffer, rows[i].depth, &raw);
    drive_receive(socket, rows[i].credit);
    drive_drain(&drive);
    check_posted(socket, rows[i].count, rows[i].bytes);
    raw_close(raw);
    drive_until(&drive, socket->end_result == 0);
    drive_drain(&drive);
    drive_until(&drive, drive_stats(socket).operations == 0);
    check_posted(socket, 0, 0);
    drive_finish(&drive);
  }
}

/* Receives are posted for later credit as well. */
static void depth_follows_the_credit(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = pair_with(&drive, 1000, 4, &raw);
  for (uint32_t i = 1; i <= 6; i++) {
    drive_receive(socket, 1000);
    drive_drain(&drive);
    check_posted(socket, i < 4 ? i : 4, (i < 4 ? i : 4) * 1000);
  }
  socket->receive_seed = 7;
  drive_raw_send(&drive, raw, 7, 0, 2500);
  drive_until(&drive, socket->received == 2500);
  /* 3,500 bytes of the credit are left. */
  check(drive_stats(socket).bytes_posted <= 3500);
  raw_close(raw);
  drive_until(&drive, socket->end_result == 0);
  drive_finish(&drive);
}

/* 64 MiB in each mode, with credit of every size. */
static void bytes_come_in_order(void) {
  static const int32_t kinds[][3] = {
      {0, 1, 65536}, {512, 1, 4096}, {4096, 8, 65536}, {777, 64, 300000}};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    struct drive drive;
    host_socket raw;
    drive_open(&drive);
    struct drive_socket* socket =
        pair_with(&drive, kinds[i][0], kinds[i][1], &raw);
    drive_sink(socket, 7, (uint32_t)kinds[i][2]);
    drive_raw_send(&drive, raw, 7, 0, 16 * MIB);
    drive_until(&drive, socket->received == 16 * MIB);
    raw_close(raw);
    drive_until(&drive, socket->end_result == 0);
    drive_finish(&drive);
  }
}

static void small_messages_come_one_by_one(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = pair_with(&drive, 256, 8, &raw);
  drive_sink(socket, 7, 5000);
  uint64_t sent = 0;
  for (uint32_t i = 0; i < 2000; i++) {
    uint32_t length = 1 + i * 37 % 700;
    drive_raw_send(&drive, raw, 7, sent, length);
    sent += length;
    if (i % 3 == 0) drive_until(&drive, socket->received == sent);
  }
  drive_until(&drive, socket->received == sent);
  check_is(drive_stats(socket).bytes_readable, 0);
  drive_finish(&drive);
  raw_close(raw);
}

static void reset_ends_all_of_them(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = pair_with(&drive, 4096, 8, &raw);
  drive_receive(socket, MIB);
  drive_drain(&drive);
  raw_reset(raw);
  drive_until(&drive, socket->end_result != DRIVE_NOTHING);
  check_is(socket->end_result, -IOCP_ECONNRESET);
  drive_finish(&drive);
}

/* A close with several receives posted sends a FIN, not an RST. */
static void close_with_receives_posted(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = pair_with(&drive, 4096, 8, &raw);
  drive_receive(socket, MIB);
  drive_drain(&drive);
  drive_pump(socket, 9, 100000, 100000);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_raw_expect(&drive, raw, 9, 0, 100000);
  check_is(drive_raw_end(&drive, raw), 0);
  raw_close(raw);
  drive_until(&drive, socket->is_closed);
  check_is(socket->end_result, -IOCP_ECANCELED);
  drive_finish(&drive);
}

static void reading_needs_no_buffer(void) {
  struct drive drive;
  host_socket raw;
  uint8_t bytes[1000];
  drive_open(&drive);
  struct drive_socket* socket = pair_with(&drive, 65536, 8, &raw);
  socket->receive_seed = 7;
  check_is(drive_read(socket, bytes, sizeof bytes), IOCP_PENDING);
  check_posted(socket, 1, 0);
  drive_raw_send(&drive, raw, 7, 0, 1000);
  drive_until(&drive, socket->read_result == 0);
  check_is(drive_read(socket, bytes, sizeof bytes), 1000);
  drive_finish(&drive);
  raw_close(raw);
}

TEST_MAIN(TEST_CASE(zero_byte_holds_nothing),
          TEST_CASE(buffers_are_as_asked_for),
          TEST_CASE(depth_follows_the_credit),
          TEST_CASE(bytes_come_in_order),
          TEST_CASE(small_messages_come_one_by_one),
          TEST_CASE(reset_ends_all_of_them),
          TEST_CASE(close_with_receives_posted),
          TEST_CASE(reading_needs_no_buffer))
