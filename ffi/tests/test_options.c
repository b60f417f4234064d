/* SPDX-License-Identifier: MIT */
/*
 * Options can be set and asked for on each kind of socket, and nothing else
 * can.
 *
 * It is hard only in that Windows refuses most options of accepted and
 * connected sockets until their context was updated, which a plain test would
 * not see.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/raw.h"
#include "shared/test.h"

static void check_options(int32_t port, int32_t name) {
  static const uint32_t options[] = {IOCP_NO_DELAY, IOCP_KEEP_ALIVE};
  static const int32_t wrong[] = {-1, 2, INT32_MAX, INT32_MIN};
  static const uint32_t unknown[] = {0, 3, 1000, UINT32_MAX};
  for (size_t i = 0; i < 2; i++) {
    for (int32_t value = 0; value < 2; value++) {
      check_is(iocp_set_option(port, name, options[i], value), 0);
      check_is(iocp_get_option(port, name, options[i]), value);
    }
    for (size_t j = 0; j < 4; j++)
      check_is(iocp_set_option(port, name, options[i], wrong[j]), -IOCP_EINVAL);
    check_is(iocp_get_option(port, name, options[i]), 1);
  }
  for (size_t i = 0; i < 4; i++) {
    check_is(iocp_set_option(port, name, unknown[i], 1), -IOCP_EINVAL);
    check_is(iocp_get_option(port, name, unknown[i]), -IOCP_EINVAL);
  }
}

static void connected_and_accepted(void) {
  struct drive drive;
  struct drive_socket* client;
  struct drive_socket* server;
  drive_open(&drive);
  drive_pair(&drive, &client, &server);
  check_options(drive.port, client->name);
  check_options(drive.port, server->name);
  drive_finish(&drive);
}

static void listener(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  struct drive_socket* socket = drive_listen(&drive, "127.0.0.1", 0, &address);
  check_options(drive.port, socket->name);
  drive_finish(&drive);
}

static void adopted(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  host_socket raw_listener = raw_listen("127.0.0.1", &address);
  host_socket peer = raw_connect(&address);
  struct drive_socket* socket = drive_add(
      &drive, iocp_add_socket(drive.port, (double)raw_accept(raw_listener)));
  check_options(drive.port, socket->name);
  raw_close(peer);
  raw_close(raw_listener);
  drive_finish(&drive);
}

/* Options that were set while the connection was being made hold. */
static void set_while_connecting(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  host_socket raw_listener = raw_listen("127.0.0.1", &address);
  struct drive_socket* socket = drive_connect(&drive, &address);
  check_options(drive.port, socket->name);
  drive_until(&drive, socket->connect_result == 0);
  check_is(iocp_get_option(drive.port, socket->name, IOCP_NO_DELAY), 1);
  check_is(iocp_get_option(drive.port, socket->name, IOCP_KEEP_ALIVE), 1);
  raw_close(raw_listener);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(connected_and_accepted),
          TEST_CASE(listener),
          TEST_CASE(adopted),
          TEST_CASE(set_while_connecting))
