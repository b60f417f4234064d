/* SPDX-License-Identifier: MIT */
/*
 * Peers that connect and say nothing: they are told only once they have said
 * something (IOCP_DEFER_ACCEPT), and are reset in time
 * (IOCP_FIRST_BYTE_TIMEOUT), while those who speak are left alone.
 *
 * It is hard because an accept that asks for data holds its connection without
 * a word to anybody (Windows), so that a few silent peers could fill the pool;
 * because the kernel's own time is coarse (Linux); and because bytes may have
 * come that nobody has asked for yet.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/every_call.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define TIMEOUT_MS 800
/* The system's own clocks, and a machine that is busy. */
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

/* Waits for the peer's connection to be reset. Returns how long it took. */
static uint32_t server_reset_after(struct server* server, host_socket raw) {
  uint64_t start_ms = host_now_ms();
  check(drive_raw_end(&server->drive, raw) < 0);
  return (uint32_t)(host_now_ms() - start_ms);
}

static void check_in_time(uint32_t took_ms) {
  check(took_ms + EARLY_MS >= TIMEOUT_MS);
  check(took_ms <= TIMEOUT_MS * 3 / 2 + BUSY_MS);
}

static struct drive_socket* server_take(struct server* server) {
  struct drive_socket* socket = NULL;
  drive_until(&server->drive,
              (socket = drive_take_accepted(server->listener)) != NULL);
  return socket;
}

static void deferred_until_they_speak(void) {
  struct server server;
  server_open(&server, true, 0, 4);
  host_socket raws[3];
  for (int i = 0; i < 3; i++) raws[i] = raw_connect(&server.address);
  drive_for(&server.drive, 200);
  check_is(server.listener->accepted_count, 0);
  for (int i = 2; i >= 0; i--) {
    drive_raw_send(&server.drive, raws[i], 7, 0, 1000 + (uint32_t)i);
    struct drive_socket* socket = server_take(&server);
    struct iocp_address peer = raw_name(raws[i]);
    struct iocp_address told;
    check_is(
        iocp_get_address(server.drive.port, socket->name, IOCP_PEER, &told), 0);
    check_is(told.port, peer.port);
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

/* The end is something that was said. */
static void deferred_until_they_end(void) {
  struct server server;
  server_open(&server, true, 0, 4);
  host_socket raw = raw_connect(&server.address);
  drive_for(&server.drive, 50);
  raw_shutdown(raw);
  struct drive_socket* socket = server_take(&server);
  drive_receive(socket, 1);
  drive_until(&server.drive, socket->end_result == 0);
  raw_close(raw);
  drive_finish(&server.drive);
}

/* It has a name already, which nobody was told and nobody can use. */
static void deferred_have_no_name(void) {
  struct server server;
  server_open(&server, true, 5000, 4);
  host_socket raw = raw_connect(&server.address);
  drive_until(&server.drive,
              drive_stats(server.listener).accepts_deferred == 1);
  for (int32_t i = 1; i < 600; i++)
    every_socket_call(
        server.drive.port, server.listener->name + i, -IOCP_EBADF);
  drive_raw_send(&server.drive, raw, 7, 0, 1000);
  drive_sink(server_take(&server), 7, 300);
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

/* Many more of them than the pool has accepts. */
static void silent_ones_do_not_fill_the_pool(void) {
  struct server server;
  host_socket raws[40];
  server_open(&server, true, 20000, 4);
  for (int i = 0; i < 40; i++) raws[i] = raw_connect(&server.address);
  drive_until(&server.drive,
              drive_stats(server.listener).accepts_deferred == 40);
  for (int i = 0; i < 10; i++) {
    host_socket raw = raw_connect(&server.address);
    drive_raw_send(&server.drive, raw, 7, 0, 100);
    struct drive_socket* socket = server_take(&server);
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
  /* Too short for the kernel of Linux to hold them, who says nothing then. */
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

/* Told at once, and reset when it is still silent after its time. */
static void told_and_silent(void) {
  for (int is_asked = 0; is_asked < 2; is_asked++) {
    struct server server;
    server_open(&server, false, TIMEOUT_MS, 4);
    host_socket raw = raw_connect(&server.address);
    struct drive_socket* socket = server_take(&server);
    socket->may_be_silent = true;
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

/* Whoever has spoken is left alone, also when nobody has listened. */
static void spoken_and_left_alone(void) {
  for (int kind = 0; kind < 3; kind++) {
    struct server server;
    uint8_t bytes[10];
    server_open(&server, false, TIMEOUT_MS, 4);
    host_socket raw = raw_connect(&server.address);
    struct drive_socket* socket = server_take(&server);
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

/* The answer may come before the word that it answers. */
static void sending_is_no_word_of_the_peer(void) {
  struct server server;
  server_open(&server, false, TIMEOUT_MS, 4);
  host_socket raw = raw_connect(&server.address);
  struct drive_socket* socket = server_take(&server);
  socket->may_be_silent = true;
  drive_pump(socket, 9, 100, 100);
  check_in_time(server_reset_after(&server, raw));
  drive_until(&server.drive, socket->is_closed);
  raw_close(raw);
  drive_finish(&server.drive);
}

TEST_MAIN(TEST_CASE(deferred_until_they_speak),
          TEST_CASE(deferred_until_they_end),
          TEST_CASE(deferred_have_no_name),
          TEST_CASE(deferred_and_silent),
          TEST_CASE(silent_ones_do_not_fill_the_pool),
          TEST_CASE(closing_the_listener_drops_them),
          TEST_CASE(deleting_the_port_drops_them),
          TEST_CASE(told_and_silent),
          TEST_CASE(spoken_and_left_alone),
          TEST_CASE(sending_is_no_word_of_the_peer))
