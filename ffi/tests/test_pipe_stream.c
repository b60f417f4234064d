/* SPDX-License-Identifier: MIT */
/*
 * Bytes through a named pipe, both ways, between two sockets of the library,
 * and with a program that uses the functions of Windows alone.
 *
 * It is hard because a pipe has small buffers and no half-close: a write waits
 * for the reader, and a read may wait for bytes that fit into no buffer at
 * once.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/test.h"

#if defined(_WIN32)
#include "shared/pipe.h"

#define MIB (1u << 20)

static void echo_of_one_byte_to_one_mebibyte(void) {
  static const uint32_t sizes[] = {1,
                                   2,
                                   1023,
                                   1024,
                                   1025,
                                   65535,
                                   65536,
                                   65537,
                                   IOCP_SEND_MAX - 1,
                                   IOCP_SEND_MAX,
                                   MIB};
  struct drive drive;
  drive_open(&drive);
  struct drive_socket *client, *server;
  uint64_t sent = 0;
  pipe_pair(&drive, &client, &server);
  drive_sink(client, 2, 1000000);
  drive_sink(server, 1, 1000000);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    sent += sizes[i];
    drive_pump(client, 1, sent, 2 * IOCP_SEND_MAX);
    drive_pump(server, 2, sent, 2 * IOCP_SEND_MAX);
    drive_until(&drive, client->received == sent && server->received == sent);
  }
  drive_finish(&drive);
}

/* With each kind of receive: none posted, short, long, and several. */
static void large_transfers_both_ways(void) {
  static const int32_t kinds[][2] = {{0, 1}, {1024, 1}, {65536, 1}, {4096, 8}};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    struct drive drive;
    struct drive_socket* ends[2];
    pipe_open_pair(&drive, &ends[0], &ends[1]);
    for (int j = 0; j < 2; j++) {
      drive_set(ends[j], IOCP_RECEIVE_BUFFER, kinds[i][0]);
      drive_set(ends[j], IOCP_RECEIVE_DEPTH, kinds[i][1]);
      drive_set(ends[j], IOCP_SEND_CONCURRENCY, 1 + (int32_t)i);
      drive_sink(ends[j], 2u - (unsigned)j, 300000);
    }
    for (int j = 0; j < 2; j++)
      drive_pump(ends[j], 1u + (unsigned)j, 16 * MIB, 200000);
    drive_until(&drive,
                ends[0]->received == 16 * MIB && ends[1]->received == 16 * MIB);
    check_is(drive_stats(ends[0]).bytes_unsent, 0);
    drive_finish(&drive);
  }
}

/* The writer has to wait; what it has sent is neither lost nor reordered. */
static void a_slow_reader(void) {
  for (int i = 0; i < 2; i++) {
    struct drive drive;
    struct drive_socket* ends[2];
    uint8_t bytes[5000];
    pipe_open_pair(&drive, &ends[0], &ends[1]);
    struct drive_socket* writer = ends[i];
    struct drive_socket* reader = ends[1 - i];
    drive_set(writer, IOCP_SEND_CONCURRENCY, 3);
    drive_fill(writer, 7);
    reader->receive_seed = 7;
    while (reader->received < writer->sent) {
      int32_t result = drive_read(reader, bytes, sizeof bytes);
      check(result > 0);
      if (result == IOCP_PENDING)
        drive_until(&drive, !reader->read_pending);
      else
        drive_poll(&drive);
    }
    drive_until(&drive, !writer->send_pending && writer->sends_pending == 0);
    drive_finish(&drive);
  }
}

/* No credit: the bytes stay in the pipe. */
static void credit_bounds_what_is_received(void) {
  struct drive drive;
  struct drive_socket *client, *server;
  pipe_open_pair(&drive, &client, &server);
  drive_pump(client, 7, 30000, 30000);
  drive_for(&drive, 20);
  check_is(server->received, 0);
  server->receive_seed = 7;
  drive_receive(server, 100);
  drive_until(&drive, server->received == 100);
  drive_for(&drive, 20);
  check_is(server->received, 100);
  check(drive_stats(server).bytes_readable > 0);
  drive_receive(server, 29900);
  drive_until(&drive, server->received == 30000);
  drive_finish(&drive);
}

static void there_is_no_half_close(void) {
  struct drive drive;
  struct drive_socket* ends[2];
  pipe_open_pair(&drive, &ends[0], &ends[1]);
  for (int i = 0; i < 2; i++) {
    check_is(iocp_shutdown(drive.port, ends[i]->id), -IOCP_ENOTSUP);
    /* It can still be written to. */
    drive_sink(ends[1 - i], 7, 1000);
    drive_pump(ends[i], 7, 500, 500);
    drive_until(&drive, ends[1 - i]->received == 500);
  }
  drive_finish(&drive);
}

/* No option of TCP, but those of the library. */
static void options(void) {
  struct drive drive;
  struct drive_socket *client, *server;
  struct iocp_peer peer;
  pipe_open_pair(&drive, &client, &server);
  check_is(iocp_set_option(drive.port, client->id, IOCP_NO_DELAY, 1),
           -IOCP_ENOTSUP);
  check_is(iocp_get_option(drive.port, server->id, IOCP_KEEP_ALIVE),
           -IOCP_ENOTSUP);
  drive_set(client, IOCP_RECEIVE_BUFFER, 100);
  check_is(iocp_progress(drive.port, client->id), 0);
  check_is(iocp_get_peer(drive.port, client->id, &peer), 0);
  check_is(peer.uid, IOCP_PEER_UNKNOWN);
  drive_finish(&drive);
}

static void with_a_plain_client(void) {
  struct drive drive;
  struct iocp_path path;
  struct drive_socket* listener = pipe_open_listener(&drive, &path, 2);
  void* plain = pipe_plain_connect(&drive, &path);
  struct drive_socket* server = pipe_accepted(listener);
  drive_sink(server, 7, 100000);
  pipe_plain_send(&drive, plain, 7, 0, 3 * MIB);
  drive_until(&drive, server->received == 3 * MIB);
  drive_pump(server, 9, 3 * MIB, 100000);
  check_is(pipe_plain_expect(&drive, plain, 9, 0, 3 * MIB), 0);
  pipe_plain_close(plain);
  drive_until(&drive, server->end_result != DRIVE_NOTHING);
  check_is(server->end_result, 0);
  drive_finish(&drive);
}

/* Its buffer is smaller than those of the library. */
static void with_a_plain_server(void) {
  struct drive drive;
  struct iocp_path path = pipe_path("\\\\.\\pipe\\");
  drive_open(&drive);
  void* plain = pipe_plain_make(&path);
  struct drive_socket* client = pipe_connect(&drive, &path);
  pipe_plain_accept(&drive, plain);
  drive_until(&drive, client->connect_result != DRIVE_NOTHING);
  check_is(client->connect_result, 0);
  drive_sink(client, 7, 100000);
  pipe_plain_send(&drive, plain, 7, 0, 3 * MIB);
  drive_until(&drive, client->received == 3 * MIB);
  drive_pump(client, 9, 3 * MIB, 100000);
  check_is(pipe_plain_expect(&drive, plain, 9, 0, 3 * MIB), 0);
  pipe_plain_close(plain);
  drive_until(&drive, client->end_result != DRIVE_NOTHING);
  check_is(client->end_result, 0);
  drive_finish(&drive);
}

/* A write of nothing is seen by the reader as a read of nothing, which is not
 * the end. */
static void nothing_is_no_end(void) {
  for (int32_t size = 0; size < 2; size++) {
    struct drive drive;
    void* plain;
    struct drive_socket* client = pipe_open_client(&drive, &plain);
    drive_set(client, IOCP_RECEIVE_BUFFER, size * 1024);
    drive_sink(client, 7, 1000);
    drive_drain(&drive);
    pipe_plain_send_nothing(&drive, plain);
    drive_for(&drive, 20);
    check_is(client->end_result, DRIVE_NOTHING);
    pipe_plain_send(&drive, plain, 7, 0, 10);
    drive_until(&drive, client->received == 10);
    pipe_plain_close(plain);
    drive_finish(&drive);
  }
}

static void broadcast_and_counters(void) {
  struct drive drive;
  struct drive_socket *client, *server;
  int32_t results[1];
  uint8_t bytes[100];
  pipe_open_pair(&drive, &client, &server);
  pattern_fill(bytes, sizeof bytes, 7, 0);
  int32_t ids[1] = {client->id};
  iocp_broadcast(drive.port, ids, results, 1, bytes, 0, sizeof bytes);
  drive_was_sent(client, sizeof bytes, results[0]);
  drive_sink(server, 7, 1000);
  drive_until(&drive, server->received == 100 && client->sends_pending == 0);
  check_is(drive_stats(client).bytes_sent, 100);
  check_is(drive_stats(server).bytes_received, 100);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(echo_of_one_byte_to_one_mebibyte),
          TEST_CASE(large_transfers_both_ways),
          TEST_CASE(a_slow_reader),
          TEST_CASE(credit_bounds_what_is_received),
          TEST_CASE(there_is_no_half_close),
          TEST_CASE(options),
          TEST_CASE(with_a_plain_client),
          TEST_CASE(with_a_plain_server),
          TEST_CASE(nothing_is_no_end),
          TEST_CASE(broadcast_and_counters))

#else
#include "shared/pipe_refused.h"

TEST_MAIN(TEST_CASE(pipe_refused))
#endif
