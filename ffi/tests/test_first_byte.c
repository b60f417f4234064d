/* SPDX-License-Identifier: MIT */
/*
 * Peers that connect and send nothing: with IOCP_DEFER_ACCEPT they are reported
 * only once they have sent something, and with IOCP_FIRST_BYTE_TIMEOUT they are
 * reset in time. Peers that send are not affected.
 *
 * It is hard because an accept that waits for data holds its connection unseen
 * (Windows), so a few silent peers could use up all accepts; because the
 * kernel's own timeout is coarse (Linux); and because bytes may have arrived
 * that were not read yet.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/every_call.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define TIMEOUT_MS 800
/* The resolution of the system's clocks, and a busy machine. */
#define EARLY_MS 20
#define BUSY_MS 300

struct server {
  struct drive drive;
  struct drive_socket* listener;
  struct iocp_address address;
};

static void server_open(struct server* server,
                        bool defers,
                        int32_t timeout_ms,
                        uint32_t pool) {
  drive_open(&server->drive);
  server->listener =
      drive_listen(&server->drive, "127.0.0.1", 0, &server->address);
  drive_set(server->listener, IOCP_DEFER_ACCEPT, defers);
  drive_set(server->listener, IOCP_FIRST_BYTE_TIMEOUT, timeout_ms);
  drive_accept(server->listener, pool);
}

/* Waits for the reset of the peer's connection. Returns how long that took. */
static uint32_t server_reset_after(struct server* server, host_socket raw) {
  uint64_t start_ms = host_now_ms();
  check(drive_raw_end(&server->drive, raw) < 0);
  return (uint32_t)(host_now_ms() - start_ms);
}

static void check_in_time(uint32_t took_ms) {
  check(took_ms + EARLY_MS >= TIMEOUT_MS);
  check(took_ms <= TIMEOUT_MS * 3 / 2 + BUSY_MS);
}

static struct drive_socket* server_accept(struct server* server) {
  struct drive_socket* socket = NULL;
  drive_until(&server->drive,
              (socket = drive_next_accepted(server->listener)) != NULL);
  return socket;
}

static void deferred_until_they_send(void) {
  struct server server;
  server_open(&server, true, 0, 4);
  host_socket raws[3];
  for (int i = 0; i < 3; i++) raws[i] = raw_connect(&server.address);
  drive_for(&server.drive, 200);
  check_is(server.listener->accepted_count, 0);
  for (int i = 2; i >= 0; i--) {
    drive_raw_send(&server.drive, raws[i], 7, 0, 1000 + (uint32_t)i);
    struct drive_socket* socket = server_accept(&server);
    struct iocp_address peer = raw_local(raws[i]);
    struct iocp_address reported;
    check_is(iocp_get_address(server.drive.port,
                              socket->id,
                              IOCP_PEER,
                              &reported,
                              sizeof(struct iocp_address)),
             sizeof(struct iocp_address));
    check_is(reported.port, peer.port);
    drive_sink(socket, 7, 300);
    drive_until(&server.drive, socket->received == 1000 + (uint32_t)i);
    drive_raw_send(&server.drive, raws[i], 7, 1000 + (uint32_t)i, 100000);
    raw_shutdown(raws[i]);
    drive_until(&server.drive, socket->end_result == 0);
    check_is(socket->received, 101000 + (uint32_t)i);
    raw_close(raws[i]);
  }
  check_is(server.listener->accepted_count, 3);
  drive_finish(&server.drive);
}

/* A FIN counts as data. */
static void deferred_until_they_end(void) {
  struct server server;
  server_open(&server, true, 0, 4);
  host_socket raw = raw_connect(&server.address);
  drive_for(&server.drive, 50);
  raw_shutdown(raw);
  struct drive_socket* socket = server_accept(&server);
  drive_receive(socket, 1);
  drive_until(&server.drive, socket->end_result == 0);
  raw_close(raw);
  drive_finish(&server.drive);
}

/* It has an id already, which was not reported and cannot be used. */
static void deferred_have_no_usable_id(void) {
  struct server server;
  server_open(&server, true, 5000, 4);
  host_socket raw = raw_connect(&server.address);
  drive_until(&server.drive,
              drive_stats(server.listener).accepts_deferred == 1);
  for (int32_t i = 1; i < 600; i++)
    every_socket_call(server.drive.port, server.listener->id + i, -IOCP_EBADF);
  drive_raw_send(&server.drive, raw, 7, 0, 1000);
  drive_sink(server_accept(&server), 7, 300);
  raw_close(raw);
  drive_finish(&server.drive);
}

static void deferred_and_silent(void) {
  struct server server;
  server_open(&server, true, TIMEOUT_MS, 4);
  host_socket raw = raw_connect(&server.address);
  check_in_time(server_reset_after(&server, raw));
  raw_close(raw);
  check_is(server.listener->accepted_count, 0);
  drive_until(&server.drive,
              drive_stats(server.listener).first_byte_timeouts == 1);
  check_is(drive_stats(server.listener).accepts_deferred, 0);
  drive_finish(&server.drive);
}

/* Many more silent peers than accepts. */
static void silent_peers_do_not_fill_the_pool(void) {
  struct server server;
  host_socket raws[40];
  server_open(&server, true, 20000, 4);
  for (int i = 0; i < 40; i++) raws[i] = raw_connect(&server.address);
  drive_until(&server.drive,
              drive_stats(server.listener).accepts_deferred == 40);
  for (int i = 0; i < 10; i++) {
    host_socket raw = raw_connect(&server.address);
    drive_raw_send(&server.drive, raw, 7, 0, 100);
    struct drive_socket* socket = server_accept(&server);
    drive_sink(socket, 7, 300);
    drive_until(&server.drive, socket->received == 100);
    raw_close(raw);
  }
  check_is(server.listener->accepted_count, 10);
  for (int i = 0; i < 40; i++) raw_close(raws[i]);
  drive_finish(&server.drive);
}

static void closing_the_listener_drops_them(void) {
  struct server server;
  host_socket raws[3];
  /* The timeout is too short for the kernel of Linux to hold the
   * connections. */
  server_open(&server, true, 5000, 8);
  for (int i = 0; i < 3; i++) raws[i] = raw_connect(&server.address);
  drive_for(&server.drive, 100);
  drive_close_now(server.listener);
  for (int i = 0; i < 3; i++) {
    check(drive_raw_end(&server.drive, raws[i]) <= 0);
    raw_close(raws[i]);
  }
  drive_drain(&server.drive);
  check_is(server.drive.header.sockets, 0);
  drive_finish(&server.drive);
}

static void deleting_the_port_drops_them(void) {
  struct server server;
  server_open(&server, true, 20000, 8);
  host_socket raw = raw_connect(&server.address);
  drive_for(&server.drive, 100);
  drive_delete(&server.drive);
  raw_close(raw);
}

/* Reported at once, and reset if it is still silent after the timeout. */
static void reported_and_silent(void) {
  for (int is_asked = 0; is_asked < 2; is_asked++) {
    struct server server;
    server_open(&server, false, TIMEOUT_MS, 4);
    host_socket raw = raw_connect(&server.address);
    struct drive_socket* socket = server_accept(&server);
    socket->may_time_out = true;
    if (is_asked) drive_receive(socket, 1000);
    check_in_time(server_reset_after(&server, raw));
    drive_until(&server.drive, socket->is_closed);
    check_is(socket->close_result, -IOCP_ETIMEDOUT);
    if (is_asked) check_is(socket->end_result, -IOCP_ETIMEDOUT);
    check_is(drive_stats(server.listener).first_byte_timeouts, 1);
    raw_close(raw);
    drive_finish(&server.drive);
  }
}

/* A peer that has sent something is not reset, even if its bytes were not
 * read. */
static void sent_and_not_reset(void) {
  for (int kind = 0; kind < 3; kind++) {
    struct server server;
    uint8_t bytes[10];
    server_open(&server, false, TIMEOUT_MS, 4);
    host_socket raw = raw_connect(&server.address);
    struct drive_socket* socket = server_accept(&server);
    socket->receive_seed = 7;
    if (kind == 1) drive_receive(socket, 3);
    drive_raw_send(&server.drive, raw, 7, 0, 5);
    if (kind == 2)
      drive_until(&server.drive, drive_stats(socket).bytes_readable == 5);
    drive_drain(&server.drive);
    if (kind == 2) check_is(drive_read(socket, bytes, sizeof bytes), 5);
    drive_for(&server.drive, TIMEOUT_MS * 2);
    check(!socket->is_closed);
    drive_pump(socket, 9, 100, 100);
    drive_raw_expect(&server.drive, raw, 9, 0, 100);
    raw_close(raw);
    drive_finish(&server.drive);
  }
}

/* The server may send before its peer does. */
static void own_sends_do_not_count(void) {
  struct server server;
  server_open(&server, false, TIMEOUT_MS, 4);
  host_socket raw = raw_connect(&server.address);
  struct drive_socket* socket = server_accept(&server);
  socket->may_time_out = true;
  drive_pump(socket, 9, 100, 100);
  check_in_time(server_reset_after(&server, raw));
  drive_until(&server.drive, socket->is_closed);
  raw_close(raw);
  drive_finish(&server.drive);
}

TEST_MAIN(TEST_CASE(deferred_until_they_send),
          TEST_CASE(deferred_until_they_end),
          TEST_CASE(deferred_have_no_usable_id),
          TEST_CASE(deferred_and_silent),
          TEST_CASE(silent_peers_do_not_fill_the_pool),
          TEST_CASE(closing_the_listener_drops_them),
          TEST_CASE(deleting_the_port_drops_them),
          TEST_CASE(reported_and_silent),
          TEST_CASE(sent_and_not_reset),
          TEST_CASE(own_sends_do_not_count))
