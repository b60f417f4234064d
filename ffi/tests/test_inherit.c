/* SPDX-License-Identifier: MIT */
/*
 * A child process inherits no handle of a port: what the parent closes is
 * closed, and the address of its listener is free.
 *
 * It is hard because handles are inherited unless every way to open one says
 * otherwise (socket, accept, adopt, the port itself), and a mistake shows only
 * when a server restarts while a child of the former one is running.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/raw.h"
#include "shared/test.h"

static void listener_is_free_again(void) {
  struct drive drive;
  struct iocp_address address;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 8);
  drive_drain(&drive);
  struct host_child* child = host_child_start();
  drive_close_now(listener);
  check_is(raw_try_connect(&address, &raw), -IOCP_ECONNREFUSED);
  struct drive_socket* again =
      drive_add(&drive, iocp_listen(drive.port, &address, 16, 0));
  again->is_listener = true;
  host_child_end(child);
  drive_finish(&drive);
}

/* Accepted, connected and adopted streams: a reset reaches the peer although
 * the child is running. If the child had the handle, the connection would stay
 * open. */
static void streams_end(void) {
  struct drive drive;
  struct iocp_address address;
  host_socket raws[3];
  struct drive_socket* sockets[3];
  drive_open(&drive);
  host_socket listener = raw_listen("127.0.0.1", &address);
  sockets[0] = drive_raw_pair(&drive, 0, &raws[0]);
  sockets[1] = drive_connect(&drive, &address);
  drive_until(&drive, sockets[1]->connect_result == 0);
  raws[1] = raw_accept(listener);
  host_socket other = raw_connect(&address);
  raws[2] = raw_accept(listener);
  sockets[2] = drive_add(&drive, iocp_add_socket(drive.port, (double)other, 0));
  drive_receive(sockets[0], 100);
  struct host_child* child = host_child_start();
  for (int i = 0; i < 3; i++) drive_close(sockets[i], IOCP_RESET, 0);
  for (int i = 0; i < 3; i++) {
    drive_until(&drive, sockets[i]->is_closed);
    check_is(drive_raw_end(&drive, raws[i]), -IOCP_ECONNRESET);
  }
  host_child_end(child);
  for (int i = 0; i < 3; i++) raw_close(raws[i]);
  raw_close(listener);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(listener_is_free_again), TEST_CASE(streams_end))
