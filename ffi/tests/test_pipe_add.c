/* SPDX-License-Identifier: MIT */
/*
 * Pipes change hands: between ports, and from code that does not use the
 * library. And each end knows the process of the other.
 *
 * It is hard because a handle of a pipe says less about itself than a socket:
 * it may be no pipe, or no stream, or have no other end.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/test.h"

#if defined(_WIN32)
#include <winsock2.h>
#include <windows.h>

#include "shared/pipe.h"

static struct drive_socket* move(struct drive_socket* from, struct drive* to) {
  drive_detach(from, DRIVE_DEADLINE_MS);
  drive_until(from->drive, from->is_closed);
  check_is(from->close_result, 0);
  struct drive_socket* socket = drive_add(
      to, iocp_add_socket(to->port, (double)from->handle, IOCP_DETACHED));
  check(socket != NULL);
  socket->received = from->received;
  socket->sent = from->sent;
  return socket;
}

/* Each end in turn moves, with receives posted and bytes on their way. */
static void detached_and_adopted(void) {
  static const int32_t kinds[][2] = {{1024, 1}, {0, 1}, {4096, 8}};
  for (size_t i = 0; i < 6; i++) {
    struct drive drives[2];
    struct drive_socket* ends[2];
    drive_open(&drives[0]);
    drive_open(&drives[1]);
    pipe_pair(&drives[0], &ends[0], &ends[1]);
    struct drive_socket* moves = ends[i % 2];
    struct drive_socket* stays = ends[1 - i % 2];
    for (int round = 0; round < 20; round++) {
      drive_set(moves, IOCP_RECEIVE_BUFFER, kinds[i / 2][0]);
      drive_set(moves, IOCP_RECEIVE_DEPTH, kinds[i / 2][1]);
      drive_sink(moves, 7, 20000);
      drive_drain(moves->drive);
      uint64_t goal = stays->sent + 1 + (uint32_t)round * 997 % 50000;
      drive_pump(stays, 7, goal, 100000);
      drive_poll(&drives[0]);
      moves = move(moves, &drives[(round + 1) % 2]);
    }
    drive_sink(moves, 7, 20000);
    uint64_t deadline_ms = host_now_ms() + DRIVE_DEADLINE_MS;
    while (moves->received < stays->sent) {
      check(host_now_ms() < deadline_ms);
      drive_poll(&drives[0]);
      drive_poll(&drives[1]);
    }
    drive_finish(&drives[0]);
    drive_finish(&drives[1]);
  }
}

/* Send copies leave before the handle is returned. */
static void with_send_copies(void) {
  struct drive drives[2];
  struct drive_socket *client, *server;
  drive_open(&drives[0]);
  drive_open(&drives[1]);
  pipe_pair(&drives[0], &client, &server);
  drive_fill(server, 7);
  drive_detach(server, DRIVE_DEADLINE_MS);
  drive_for(&drives[0], 20);
  check(!server->is_closed);
  drive_sink(client, 7, 100000);
  drive_until(&drives[0], server->is_closed);
  check_is(server->close_result, 0);
  struct drive_socket* moved = drive_add(
      &drives[1],
      iocp_add_socket(drives[1].port, (double)server->handle, IOCP_DETACHED));
  moved->sent = server->sent;
  drive_pump(moved, 7, server->sent + 1000, 1000);
  drive_until(&drives[0], client->received == server->sent + 1000);
  drive_close_now(moved);
  drive_until(&drives[0], client->end_result == 0);
  drive_finish(&drives[0]);
  drive_finish(&drives[1]);
}

/* Ends that were opened with plain calls. */
static void foreign_ends(void) {
  struct drive drive;
  struct drive_socket* ends[2];
  struct iocp_path path = pipe_path("\\\\.\\pipe\\");
  struct iocp_path seen;
  uint32_t native;
  drive_open(&drive);
  void* server = pipe_plain_make(&path);
  /* It has no other end yet. */
  check_is(iocp_add_socket(drive.port, (double)(intptr_t)server, 0),
           -IOCP_ENOTCONN);
  void* client = pipe_plain_try_connect(&path, &native);
  ends[0] = drive_add(&drive,
                      iocp_add_socket(drive.port, (double)(intptr_t)client, 0));
  ends[1] = drive_add(&drive,
                      iocp_add_socket(drive.port, (double)(intptr_t)server, 0));
  for (int i = 0; i < 2; i++) {
    check(ends[i] != NULL);
    int32_t size = iocp_get_address(
        drive.port, ends[i]->id, IOCP_PEER, &seen, sizeof seen);
    check(size == 4 + path.length || size == 4);
    check_is(seen.family, IOCP_PIPE);
    if (size != 4) check(memcmp(&seen, &path, (size_t)size) == 0);
    drive_sink(ends[1 - i], 7, 1000);
    drive_pump(ends[i], 7, 100000, 100000);
    drive_until(&drive, ends[1 - i]->received == 100000);
  }
  drive_close_now(ends[1]);
  drive_until(&drive, ends[0]->end_result == 0);
  drive_finish(&drive);
}

static HANDLE open_pipe(const struct iocp_path* path,
                        DWORD open_flags,
                        DWORD mode) {
  WCHAR name[256] = {0};
  for (int i = 0; i < path->length; i++) name[i] = path->bytes[i];
  return CreateNamedPipeW(
      name, PIPE_ACCESS_DUPLEX | open_flags, mode, 1, 100, 100, 0, NULL);
}

/* Refused, and left as they are. */
static void handles_that_do_not_fit(void) {
  static const struct {
    DWORD open_flags;
    DWORD mode;
    int32_t result;
  } rows[] = {
      {0, PIPE_TYPE_BYTE, -IOCP_ENOTSUP},
      {FILE_FLAG_OVERLAPPED,
       PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE,
       -IOCP_ENOTSUP},
      {FILE_FLAG_OVERLAPPED, PIPE_TYPE_BYTE | PIPE_NOWAIT, -IOCP_ENOTSUP},
  };
  struct drive drive;
  drive_open(&drive);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct iocp_path path = pipe_path("\\\\.\\pipe\\");
    uint32_t native;
    HANDLE server = open_pipe(&path, rows[i].open_flags, rows[i].mode);
    check(server != INVALID_HANDLE_VALUE);
    void* client = pipe_plain_try_connect(&path, &native);
    check(client != NULL);
    check_is(iocp_add_socket(drive.port, (double)(intptr_t)server, 0),
             rows[i].result);
    pipe_plain_close(client);
    pipe_plain_close(server);
  }
  host_socket event = host_other_open();
  check_is(iocp_add_socket(drive.port, (double)event, 0), -IOCP_ENOTSOCK);
  host_other_close(event);
  drive_finish(&drive);
}

/* A handle on a port cannot be on another one. */
static void on_a_port_already(void) {
  struct drive drives[2];
  struct iocp_path path = pipe_path("\\\\.\\pipe\\");
  uint32_t native;
  drive_open(&drives[0]);
  drive_open(&drives[1]);
  void* server = pipe_plain_make(&path);
  void* client = pipe_plain_try_connect(&path, &native);
  struct drive_socket* socket = drive_add(
      &drives[0], iocp_add_socket(drives[0].port, (double)(intptr_t)client, 0));
  check(socket != NULL);
  check_is(iocp_add_socket(drives[1].port, (double)(intptr_t)client, 0),
           -IOCP_EEXIST);
  pipe_plain_close(server);
  drive_finish(&drives[0]);
  drive_finish(&drives[1]);
}

static void the_process_of_the_peer(void) {
  struct drive drive;
  struct drive_socket* ends[2];
  struct iocp_peer peer;
  pipe_open_pair(&drive, &ends[0], &ends[1]);
  for (int i = 0; i < 2; i++) {
    check_is(iocp_get_peer(drive.port, ends[i]->id, &peer), 0);
    check_is(peer.pid, GetCurrentProcessId());
    check_is(peer.uid, IOCP_PEER_UNKNOWN);
    check_is(peer.gid, IOCP_PEER_UNKNOWN);
  }
  drive_finish(&drive);
}

/* A child that is started with inheritance holds no end of ours: the other end
 * sees the close, and the name is free. */
static void handles_are_not_inherited(void) {
  struct drive drive;
  struct drive_socket* client;
  struct iocp_path path;
  struct drive_socket* listener = pipe_open_listener(&drive, &path, 2);
  client = pipe_connect(&drive, &path);
  struct drive_socket* server = pipe_accepted(listener);
  drive_until(&drive, client->connect_result == 0);
  struct host_child* child = host_child_start();
  drive_receive(client, 10);
  drive_close_now(server);
  drive_until(&drive, client->end_result == 0);
  drive_close_now(client);
  drive_close_now(listener);
  drive_close_now(pipe_listen(&drive, &path));
  host_child_end(child);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(detached_and_adopted),
          TEST_CASE(with_send_copies),
          TEST_CASE(foreign_ends),
          TEST_CASE(handles_that_do_not_fit),
          TEST_CASE(on_a_port_already),
          TEST_CASE(the_process_of_the_peer),
          TEST_CASE(handles_are_not_inherited))

#else
#include "shared/pipe_refused.h"

TEST_MAIN(TEST_CASE(pipe_refused))
#endif
