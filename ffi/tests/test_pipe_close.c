/* SPDX-License-Identifier: MIT */
/*
 * The end of a pipe: what was written before a close arrives, whichever end
 * closes, and a reset is seen as an error where the system can show one.
 *
 * It is hard because closing the server's end the way its name suggests,
 * DisconnectNamedPipe(), destroys what the client has not read, and because a
 * write that is pending is lost with its handle.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/test.h"

#if defined(_WIN32)
#include "shared/pipe.h"

/* Errors of Windows. */
#define NATIVE_BROKEN_PIPE 109
#define NATIVE_NOT_CONNECTED 233

/* The peer reads nothing before the close has begun. */
static void a_close_loses_no_byte(void) {
  static const uint32_t sizes[] = {1, 60000, 65536, 200000, 262144};
  for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
    struct drive drive;
    struct drive_socket* ends[2];
    uint32_t size = sizes[i / 2];
    pipe_open_pair(&drive, &ends[0], &ends[1]);
    struct drive_socket* closer = ends[i % 2];
    struct drive_socket* reader = ends[1 - i % 2];
    drive_pump(closer, 7, size, size);
    drive_close(closer, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
    drive_for(&drive, 20);
    /* What fits into the pipe needs no reader. */
    if (size <= 60000) check(closer->is_closed);
    drive_sink(reader, 7, 50000);
    drive_until(&drive, reader->end_result != DRIVE_NOTHING);
    check_is(reader->end_result, 0);
    check_is(reader->received, size);
    drive_until(&drive, closer->is_closed);
    check_is(closer->close_result, 0);
    drive_finish(&drive);
  }
}

/* The same with a client that uses plain calls, long after the close. */
static void a_plain_client_reads_what_is_left(void) {
  struct drive drive;
  struct iocp_path path;
  struct drive_socket* listener = pipe_open_listener(&drive, &path, 1);
  void* plain = pipe_plain_connect(&drive, &path);
  struct drive_socket* server = pipe_accepted(listener);
  /* The server has bytes that it does not read, and a receive. */
  pipe_plain_send(&drive, plain, 9, 0, 5000);
  drive_receive(server, 10);
  drive_pump(server, 7, 50000, 50000);
  drive_until(&drive, server->sends_pending == 0);
  drive_close(server, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_until(&drive, server->is_closed);
  drive_close_now(listener);
  check_is(pipe_plain_expect(&drive, plain, 7, 0, 50000), 0);
  check_is(pipe_plain_end(&drive, plain), NATIVE_BROKEN_PIPE);
  pipe_plain_close(plain);
  drive_finish(&drive);
}

/* The port is deleted while nothing is pending. */
static void a_deleted_port_loses_no_byte(void) {
  struct drive drive;
  struct iocp_path path;
  struct drive other;
  struct drive_socket* listener = pipe_open_listener(&drive, &path, 1);
  drive_open(&other);
  void* plain = pipe_plain_connect(&drive, &path);
  struct drive_socket* server = pipe_accepted(listener);
  drive_pump(server, 7, 50000, 50000);
  drive_until(&drive, server->sends_pending == 0);
  drive_receive(server, 10);
  drive_drain(&drive);
  drive_delete(&drive);
  check_is(pipe_plain_expect(&other, plain, 7, 0, 50000), 0);
  check_is(pipe_plain_end(&other, plain), NATIVE_BROKEN_PIPE);
  pipe_plain_close(plain);
  drive_finish(&other);
}

/* With every kind of operation in flight. */
static void a_port_is_deleted_while_operations_are_pending(void) {
  struct drive drive;
  struct iocp_path path;
  struct iocp_path busy = pipe_path("\\\\.\\pipe\\");
  struct drive other;
  uint32_t native;
  struct drive_socket* listener = pipe_open_listener(&drive, &path, 8);
  drive_open(&other);
  void* plain = pipe_plain_connect(&drive, &path);
  void* waiting = pipe_plain_make(&busy);
  struct drive_socket* server = pipe_accepted(listener);
  struct drive_socket* client = pipe_connect(&drive, &busy);
  pipe_plain_accept(&drive, waiting);
  drive_until(&drive, client->connect_result == 0);
  pipe_connect(&drive, &busy);
  drive_fill(server, 7);
  drive_fill(client, 7);
  drive_receive(server, 10);
  drive_receive(client, 10);
  drive_drain(&drive);
  drive_delete(&drive);
  /* Bytes are missing, so the client sees no end. */
  check_is(pipe_plain_end(&other, plain), NATIVE_NOT_CONNECTED);
  pipe_plain_close(plain);
  pipe_plain_close(waiting);
  check(pipe_plain_try_connect(&path, &native) == NULL);
  drive_finish(&other);
}

/* A server's reset is an error, and discards what was not read. */
static void a_server_resets(void) {
  struct drive drive;
  struct drive_socket *client, *server;
  pipe_open_pair(&drive, &client, &server);
  drive_pump(server, 7, 1000, 1000);
  drive_receive(client, 10);
  drive_until(&drive, client->received == 10);
  drive_fill(server, 7);
  drive_close(server, IOCP_RESET, 0);
  drive_until(&drive, server->is_closed);
  drive_receive(client, 100000);
  drive_until(&drive, client->end_result != DRIVE_NOTHING);
  check_is(client->end_result, -IOCP_ECONNRESET);
  drive_finish(&drive);
}

/* A client has no call for that: the server sees the end. */
static void a_client_resets(void) {
  struct drive drive;
  struct drive_socket *client, *server;
  pipe_open_pair(&drive, &client, &server);
  drive_fill(client, 7);
  drive_receive(client, 10);
  drive_receive(server, 10);
  drive_close(client, IOCP_RESET, 0);
  drive_until(&drive, client->is_closed);
  drive_sink(server, 7, 1000000);
  drive_until(&drive, server->end_result != DRIVE_NOTHING);
  check_is(server->end_result, 0);
  check(server->received < client->sent);
  drive_finish(&drive);
}

/* DisconnectNamedPipe() in another program: bytes may be missing. */
static void a_plain_server_disconnects(void) {
  for (int32_t size = 0; size < 2; size++) {
    struct drive drive;
    void* plain;
    struct drive_socket* client = pipe_open_client(&drive, &plain);
    drive_set(client, IOCP_RECEIVE_BUFFER, size * 1024);
    if (size == 0) drive_receive(client, 10);
    drive_drain(&drive);
    pipe_plain_disconnect(plain);
    if (size != 0) drive_receive(client, 10);
    drive_until(&drive, client->end_result != DRIVE_NOTHING);
    check_is(client->end_result, -IOCP_ECONNRESET);
    pipe_plain_close(plain);
    drive_finish(&drive);
  }
}

/* A write to an end that is gone. */
static void a_write_after_the_end(void) {
  for (int i = 0; i < 2; i++) {
    struct drive drive;
    struct drive_socket* ends[2];
    uint8_t byte = 1;
    pipe_open_pair(&drive, &ends[0], &ends[1]);
    drive_close_now(ends[i]);
    struct drive_socket* writer = ends[1 - i];
    drive_try_send(writer, &byte, 0, 1);
    drive_until(&drive, writer->sends_pending == 0);
    check_is(writer->send_result, -IOCP_EPIPE);
    check_is(drive_try_send(writer, &byte, 0, 1), -IOCP_EPIPE);
    drive_finish(&drive);
  }
}

/* A reader that goes away ends the write that waits for it. */
static void a_pending_write_fails(void) {
  for (int i = 0; i < 2; i++) {
    struct drive drive;
    struct drive_socket* ends[2];
    pipe_open_pair(&drive, &ends[0], &ends[1]);
    drive_fill(ends[1 - i], 7);
    drive_close(ends[i], IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
    drive_until(&drive, ends[1 - i]->send_result != DRIVE_NOTHING);
    check_is(ends[1 - i]->send_result, -IOCP_EPIPE);
    drive_until(&drive, ends[i]->is_closed);
    check_is(ends[i]->close_result, 0);
    drive_finish(&drive);
  }
}

/* The reader reads nothing, so the close ends with its timeout. */
static void a_close_times_out(void) {
  struct drive drive;
  struct drive_socket *client, *server;
  pipe_open_pair(&drive, &client, &server);
  drive_fill(server, 7);
  drive_close(server, IOCP_GRACEFUL, 100);
  drive_until(&drive, server->is_closed);
  check_is(server->close_result, -IOCP_ETIMEDOUT);
  drive_receive(client, 1000000);
  drive_until(&drive, client->end_result != DRIVE_NOTHING);
  check_is(client->end_result, -IOCP_ECONNRESET);
  drive_finish(&drive);
}

/* A listener with clients that were not reported yet. */
static void a_listener_is_closed(void) {
  struct drive drive;
  struct iocp_path path;
  struct drive_socket* listener = pipe_open_listener(&drive, &path, 4);
  struct drive_socket* accepted = pipe_connect(&drive, &path);
  struct drive_socket* server = pipe_accepted(listener);
  drive_until(&drive, accepted->connect_result == 0);
  drive_accept(listener, 0);
  struct drive_socket* waits = pipe_connect(&drive, &path);
  drive_until(&drive, waits->connect_result == 0);
  drive_receive(waits, 10);
  drive_close(listener, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_until(&drive, listener->is_closed);
  drive_until(&drive, waits->end_result != DRIVE_NOTHING);
  check_is(waits->end_result, -IOCP_ECONNRESET);
  /* The connection that was accepted goes on, and keeps the name. */
  check_is(pipe_try_listen(&drive, &path), -IOCP_EADDRINUSE);
  drive_sink(accepted, 7, 1000);
  drive_pump(server, 7, 500, 500);
  drive_until(&drive, accepted->received == 500);
  drive_close_now(server);
  drive_close_now(accepted);
  drive_close_now(pipe_listen(&drive, &path));
  drive_finish(&drive);
}

/* An attempt that waits for a busy pipe is closed, each way. */
static void an_attempt_is_closed(void) {
  for (uint32_t mode = 0; mode < 2; mode++) {
    struct drive drive;
    struct iocp_path path = pipe_path("\\\\.\\pipe\\");
    drive_open(&drive);
    void* plain = pipe_plain_make(&path);
    struct drive_socket* first = pipe_connect(&drive, &path);
    drive_until(&drive, first->connect_result == 0);
    struct drive_socket* second = pipe_connect(&drive, &path);
    drive_for(&drive, 20);
    check_is(iocp_read(drive.port, second->id, &mode, 0, 1), -IOCP_ENOTCONN);
    drive_close(second, mode, 100);
    drive_until(&drive, second->is_closed);
    check_is(second->connect_result, -IOCP_ECANCELED);
    pipe_plain_close(plain);
    drive_finish(&drive);
  }
}

TEST_MAIN(TEST_CASE(a_close_loses_no_byte),
          TEST_CASE(a_plain_client_reads_what_is_left),
          TEST_CASE(a_deleted_port_loses_no_byte),
          TEST_CASE(a_port_is_deleted_while_operations_are_pending),
          TEST_CASE(a_server_resets),
          TEST_CASE(a_client_resets),
          TEST_CASE(a_plain_server_disconnects),
          TEST_CASE(a_write_after_the_end),
          TEST_CASE(a_pending_write_fails),
          TEST_CASE(a_close_times_out),
          TEST_CASE(a_listener_is_closed),
          TEST_CASE(an_attempt_is_closed))

#else
#include "shared/pipe_refused.h"

TEST_MAIN(TEST_CASE(pipe_refused))
#endif
