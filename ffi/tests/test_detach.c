/* SPDX-License-Identifier: MIT */
/*
 * A detach returns the handle of an open connection. Nothing is lost between
 * the first port and the one that adopts it, on any thread.
 *
 * It is hard because the kernel may be filling a buffer of the first port at
 * that moment, and because on Windows a handle is associated with its port,
 * from which some systems cannot remove it.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define MIB (1 << 20)

/* Detaches it and adds it to `to`. The driver's counts continue. */
static struct drive_socket* move(struct drive_socket* from, struct drive* to) {
  drive_detach(from, DRIVE_DEADLINE_MS);
  drive_until(from->drive, from->is_closed);
  check_is(from->close_result, 0);
  struct drive_socket* socket = drive_add(
      to, iocp_add_socket(to->port, (double)from->handle, IOCP_DETACHED));
  socket->received = from->received;
  socket->sent = from->sent;
  return socket;
}

static void idle(void) {
  struct drive drives[2];
  host_socket raw;
  drive_open(&drives[0]);
  drive_open(&drives[1]);
  struct drive_socket* socket = drive_raw_pair(&drives[0], 0, &raw);
  for (int i = 0; i < 6; i++) {
    socket = move(socket, &drives[(i + 1) % 2]);
    drive_sink(socket, 7, 10000);
    drive_raw_send(socket->drive, raw, 7, socket->received, 30000);
    drive_until(socket->drive, socket->received == 30000u * (uint32_t)(i + 1));
    drive_pump(socket, 9, socket->sent + 100, 100);
    drive_raw_expect(socket->drive, raw, 9, socket->sent - 100, 100);
  }
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  check_is(drive_raw_end(socket->drive, raw), 0);
  raw_close(raw);
  drive_finish(&drives[0]);
  drive_finish(&drives[1]);
}

/* The peer does not stop sending, and each port has receives posted when the
 * connection is detached. */
static void in_the_middle_of_a_stream(void) {
  static const int32_t kinds[][2] = {{1024, 1}, {0, 1}, {4096, 8}};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    struct drive drives[3];
    host_socket raw;
    uint64_t sent = 0;
    for (int j = 0; j < 3; j++) drive_open(&drives[j]);
    struct drive_socket* socket = drive_raw_pair(&drives[0], 0, &raw);
    for (int round = 0; round < 60; round++) {
      drive_set(socket, IOCP_RECEIVE_BUFFER, kinds[i][0]);
      drive_set(socket, IOCP_RECEIVE_DEPTH, kinds[i][1]);
      drive_sink(socket, 7, 20000);
      drive_drain(socket->drive);
      uint32_t length = 1 + (uint32_t)round * 997 % 50000;
      drive_raw_send(socket->drive, raw, 7, sent, length);
      sent += length;
      socket = move(socket, &drives[(round + 1) % 3]);
    }
    drive_sink(socket, 7, 20000);
    drive_until(socket->drive, socket->received == sent);
    raw_close(raw);
    drive_until(socket->drive, socket->end_result == 0);
    for (int j = 0; j < 3; j++) drive_finish(&drives[j]);
  }
}

/* Send copies leave before the handle is returned. */
static void with_send_copies(void) {
  struct drive drives[2];
  host_socket raw;
  drive_open(&drives[0]);
  drive_open(&drives[1]);
  struct drive_socket* socket = drive_raw_pair(&drives[0], 4096, &raw);
  drive_set(socket, IOCP_SEND_CONCURRENCY, 3);
  drive_fill(socket, 9);
  uint64_t sent = socket->sent;
  drive_detach(socket, DRIVE_DEADLINE_MS);
  drive_for(&drives[0], 20);
  check(!socket->is_closed);
  drive_raw_expect(&drives[0], raw, 9, 0, sent);
  drive_until(&drives[0], socket->is_closed);
  struct drive_socket* moved = drive_add(
      &drives[1],
      iocp_add_socket(drives[1].port, (double)socket->handle, IOCP_DETACHED));
  moved->sent = sent;
  drive_pump(moved, 9, sent + 4 * MIB, MIB / 4);
  drive_raw_expect(&drives[1], raw, 9, sent, 4 * MIB);
  drive_close(moved, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  check_is(drive_raw_end(&drives[1], raw), 0);
  raw_close(raw);
  drive_finish(&drives[0]);
  drive_finish(&drives[1]);
}

/* The peer does not read: the detach times out, and the connection is reset. */
static void drain_times_out(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 4096, &raw);
  drive_fill(socket, 9);
  drive_detach(socket, 50);
  drive_until(&drive, socket->is_closed);
  check_is(socket->close_result, -IOCP_ETIMEDOUT);
  check(drive_raw_end(&drive, raw) < 0);
  raw_close(raw);
  drive_finish(&drive);
}

/* The new port receives the end or the reset again. */
static void ended_before(void) {
  for (int is_reset = 0; is_reset < 2; is_reset++) {
    struct drive drives[2];
    host_socket raw;
    drive_open(&drives[0]);
    drive_open(&drives[1]);
    struct drive_socket* socket = drive_raw_pair(&drives[0], 0, &raw);
    drive_receive(socket, 1000);
    drive_drain(&drives[0]);
    if (is_reset)
      raw_reset(raw);
    else
      raw_close(raw);
    drive_detach(socket, DRIVE_DEADLINE_MS);
    drive_until(&drives[0], socket->is_closed);
    check_is(socket->close_result, 0);
    int32_t id =
        iocp_add_socket(drives[1].port, (double)socket->handle, IOCP_DETACHED);
    if (id == -IOCP_ENOTCONN) {
      /* Some systems do not consider it connected after a reset. */
      check(is_reset);
      raw_close((host_socket)socket->handle);
    } else {
      struct drive_socket* moved = drive_add(&drives[1], id);
      drive_receive(moved, 1000);
      drive_until(&drives[1], moved->end_result != DRIVE_NOTHING);
      if (!is_reset) check_is(moved->end_result, 0);
    }
    drive_finish(&drives[0]);
    drive_finish(&drives[1]);
  }
}

static void refused(void) {
  struct drive drive;
  struct iocp_address address;
  host_socket raw;
  drive_open(&drive);
  int32_t port = drive.port;
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  check_is(iocp_close(port, listener->id, IOCP_DETACH, 0), -IOCP_ENOTCONN);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  raw_reset(raw);
  drive_receive(socket, 1);
  drive_until(&drive, socket->end_result == -IOCP_ECONNRESET);
  check_is(iocp_close(port, socket->id, IOCP_DETACH, 0), -IOCP_ECONNRESET);
  drive_close_now(socket);
  socket = drive_raw_pair(&drive, 0, &raw);
  raw_close(raw);
  drive_receive(socket, 1);
  drive_until(&drive, socket->end_result == 0);
  drive_shutdown(socket);
  drive_until(&drive, socket->shut_result == 0);
  check_is(iocp_close(port, socket->id, IOCP_DETACH, 0), -IOCP_ENOTCONN);
  drive_finish(&drive);
}

/* A handle that is not reported yet is not leaked with its port; handles are
 * counted after each case. */
static void port_deleted_meanwhile(void) {
  for (int polls = 0; polls < 3; polls++) {
    struct drive drive;
    host_socket raw;
    drive_open(&drive);
    struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
    drive_receive(socket, 1000);
    drive_drain(&drive);
    drive_detach(socket, DRIVE_DEADLINE_MS);
    bool is_given = false;
    for (int i = 0; i < polls && !is_given; i++) {
      drive_poll(&drive);
      is_given = socket->is_closed;
    }
    host_socket handle = (host_socket)socket->handle;
    drive_delete(&drive);
    if (is_given) raw_close(handle);
    raw_close(raw);
  }
}

/* A plain socket again, for any use. */
static void is_a_plain_socket(void) {
  struct drive drive;
  host_socket raw;
  char byte = 0;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_detach(socket, DRIVE_DEADLINE_MS);
  drive_until(&drive, socket->is_closed);
  host_socket handle = (host_socket)socket->handle;
  check_is(raw_send(handle, "x", 1), 1);
  drive_until(&drive, raw_receive(raw, &byte, 1) == 1);
  check_is(byte, 'x');
  raw_close(handle);
  raw_close(raw);
  drive_finish(&drive);
}

struct mover {
  uint32_t handle;
  uint64_t received;
};

static void receive_elsewhere(void* argument) {
  struct mover* mover = argument;
  struct drive drive;
  drive_open(&drive);
  struct drive_socket* socket = drive_add(
      &drive,
      iocp_add_socket(drive.port, (double)mover->handle, IOCP_DETACHED));
  socket->received = mover->received;
  drive_sink(socket, 7, 100000);
  drive_until(&drive, socket->end_result == 0);
  check_is(socket->received, MIB);
  drive_close_now(socket);
  drive_finish(&drive);
}

static void to_another_thread(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_sink(socket, 7, 1000);
  drive_raw_send(&drive, raw, 7, 0, MIB / 2);
  drive_detach(socket, DRIVE_DEADLINE_MS);
  drive_until(&drive, socket->is_closed);
  struct mover mover = {socket->handle, socket->received};
  struct host_thread* thread = host_thread_start(receive_elsewhere, &mover);
  drive_raw_send(&drive, raw, 7, MIB / 2, MIB / 2);
  raw_close(raw);
  host_thread_join(thread);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(idle),
          TEST_CASE(in_the_middle_of_a_stream),
          TEST_CASE(with_send_copies),
          TEST_CASE(drain_times_out),
          TEST_CASE(ended_before),
          TEST_CASE(refused),
          TEST_CASE(port_deleted_meanwhile),
          TEST_CASE(is_a_plain_socket),
          TEST_CASE(to_another_thread))
