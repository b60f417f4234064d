/* SPDX-License-Identifier: MIT */
/*
 * Listeners of unix sockets and named pipes: their options, connections that
 * send nothing, and the name, which is free again however the listener ends.
 *
 * It is hard because the name outlives the socket on Linux, and is that of the
 * instances on Windows.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/local.h"
#include "shared/option_row.h"
#include "shared/test.h"

#define MODE IOCP_MODE_DEFAULT

/* ---- options */

static void check_options(struct drive_socket* socket) {
  int32_t port = socket->drive->port;
  for (uint32_t option = 1; option < OPTION_ROWS; option++) {
    const struct option_row* row = &option_rows[option];
    if (row->owner != OWNER_SYSTEM) continue;
    /* A stream has no such option, whatever its transport. */
    int32_t refusal =
        row->scope == SCOPE_DATAGRAM ? -IOCP_EINVAL : -IOCP_ENOTSUP;
    check_is(iocp_get_option(port, socket->id, option), refusal);
    check_is(iocp_set_option(port, socket->id, option, row->min), refusal);
  }
  drive_set(socket, IOCP_RECEIVE_BUFFER, 2048);
  drive_set(socket, IOCP_RECEIVE_DEPTH, 2);
  drive_set(socket, IOCP_SEND_CONCURRENCY, 2);
}

static void have_options(struct drive* drive, uint16_t family) {
  struct drive_socket *client, *server;
  struct iocp_path name = local_name(family);
  struct drive_socket* listener = local_listen(drive, &name);
  check_options(listener);
  drive_set(listener, IOCP_DEFER_ACCEPT, 1);
  drive_set(listener, IOCP_DEFER_ACCEPT, 0);
  drive_set(listener, IOCP_FIRST_BYTE_TIMEOUT, 1000);
  drive_set(listener, IOCP_BACKLOG, 100);
  local_pair(drive, family, &client, &server);
  check_options(client);
  check_options(server);
}

static void options_of_the_library_alone(void) {
  local_each_family(have_options);
}

/* ---- accepting */

static void defer(struct drive* drive, uint16_t family) {
  struct iocp_path name = local_name(family);
  struct drive_socket* listener = local_listen(drive, &name);
  drive_set(listener, IOCP_DEFER_ACCEPT, 1);
  drive_accept(listener, 4);
  struct drive_socket* silent = local_connect(drive, &name);
  struct drive_socket* client = local_connect(drive, &name);
  drive_until(drive,
              silent->connect_result == 0 && client->connect_result == 0);
  drive_for(drive, 50);
  check_is(listener->accepted_count, 0);
  drive_send(client, "hello", 5);
  drive_until(drive, listener->accepted_count == 1);
  struct drive_socket* server = drive_next_accepted(listener);
  drive_receive(server, 100);
  drive_until(drive, server->received == 5);
  /* The end counts as well. */
  drive_close_now(silent);
  drive_until(drive, listener->accepted_count == 2);
}

static void waits_for_the_first_byte(void) { local_each_family(defer); }

static void time_out(struct drive* drive, uint16_t family) {
  struct iocp_path name = local_name(family);
  struct drive_socket* listener = local_listen(drive, &name);
  drive_set(listener, IOCP_FIRST_BYTE_TIMEOUT, 100);
  drive_accept(listener, 4);
  struct drive_socket* client = local_connect(drive, &name);
  drive_until(drive, listener->accepted_first != NULL);
  struct drive_socket* server = drive_next_accepted(listener);
  server->may_time_out = true;
  drive_until(drive, server->is_closed);
  check_is(server->close_result, -IOCP_ETIMEDOUT);
  drive_receive(client, 1);
  drive_until(drive, client->end_result != DRIVE_NOTHING);
}

static void first_byte_timeout(void) { local_each_family(time_out); }

/* ---- a listener that ends */

static void check_is_free(struct drive* drive, const struct iocp_path* name) {
  struct drive_socket* listener = local_listen(drive, name);
  drive_close_now(listener);
}

static void leaving_main(void* argument) {
  const struct iocp_path* name = argument;
  int32_t port = iocp_new(0);
  check(iocp_listen_path(port, name, 8, 0, MODE, NULL, 0) >= 0);
  check(iocp_connect(port, name, NULL) >= 0);
}

static void release(struct drive* drive, uint16_t family) {
  struct iocp_path name = local_name(family);
  struct drive_socket* listener = local_listen(drive, &name);
  check_is(iocp_listen_path(drive->port, &name, 8, 0, MODE, NULL, 0),
           -IOCP_EADDRINUSE);
  check(iocp_native_error(drive->port) != 0);
  drive_close_now(listener);
  check_is_free(drive, &name);
  /* A reset. */
  listener = local_listen(drive, &name);
  drive_close(listener, IOCP_RESET, 0);
  check_is_free(drive, &name);
  /* The port. */
  int32_t port = iocp_new(0);
  check(iocp_listen_path(port, &name, 8, 0, MODE, NULL, 0) >= 0);
  check_is(iocp_delete(port), 0);
  check_is_free(drive, &name);
  /* The group. */
  port = iocp_new(0);
  int32_t group = iocp_group_new(port);
  int32_t id = iocp_listen_path(port, &name, 8, 0, MODE, NULL, 0);
  check_is(iocp_set_option(port, id, IOCP_GROUP, group), 0);
  check_is(iocp_group_close(port, (uint32_t)group), 0);
  check_is_free(drive, &name);
  check_is(iocp_delete(port), 0);
  /* The realm. */
  port = iocp_new(17);
  check(iocp_listen_path(port, &name, 8, 0, MODE, NULL, 0) >= 0);
  int32_t next = iocp_new(18);
  check_is_free(drive, &name);
  check_is(iocp_delete(next), 0);
  /* The thread. */
  host_thread_join(host_thread_start(leaving_main, &name));
  check_is_free(drive, &name);
}

static void name_is_free_again(void) { local_each_family(release); }

TEST_MAIN(TEST_CASE(options_of_the_library_alone),
          TEST_CASE(waits_for_the_first_byte),
          TEST_CASE(first_byte_timeout),
          TEST_CASE(name_is_free_again))
