/* SPDX-License-Identifier: MIT */
/*
 * A graceful close while the peer still sends: the peer receives everything
 * that was sent to it, and a clean end. The close waits for a limited time.
 *
 * It is hard because a kernel answers data for a closed socket, and a close
 * with unread data, with an RST, which makes the peer lose what it has not
 * read. So a socket stays open until the peer's FIN or a deadline.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

/* The peer sends before and after the close, and reads only afterwards. */
static void peer_sends_meanwhile(uint32_t sent_to_peer) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_raw_send(&drive, raw, 7, 0, 50000);
  drive_for(&drive, 10);
  if (sent_to_peer != 0) drive_pump(socket, 9, sent_to_peer, IOCP_SEND_MAX);
  drive_until(&drive, socket->sent == sent_to_peer);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_for(&drive, 50);
  check(!socket->is_closed);
  drive_raw_send(&drive, raw, 7, 50000, 50000);
  drive_for(&drive, 50);
  drive_raw_expect(&drive, raw, 9, 0, sent_to_peer);
  check_is(drive_raw_end(&drive, raw), 0);
  check(!socket->is_closed);
  raw_close(raw);
  drive_until(&drive, socket->is_closed);
  check_is(socket->close_result, 0);
  drive_finish(&drive);
}

static void peer_gets_one_byte(void) { peer_sends_meanwhile(1); }

static void peer_gets_much(void) { peer_sends_meanwhile(200000); }

/* Nothing was sent that a reset could destroy, but the end must be clean. */
static void peer_gets_only_the_end(void) { peer_sends_meanwhile(0); }

/* An adopted socket may have been used before. */
static void adopted_stream(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  host_socket listener = raw_listen("127.0.0.1", &address);
  host_socket raw = raw_connect(&address);
  host_socket other = raw_accept(listener);
  check_is(raw_send(other, "answer", 6), 6);
  drive_raw_send(&drive, raw, 7, 0, 50000);
  struct drive_socket* socket =
      drive_add(&drive, iocp_add_socket(drive.port, (double)other, 0));
  drive_for(&drive, 10);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_for(&drive, 50);
  char answer[6];
  check_is(raw_receive(raw, answer, sizeof answer), sizeof answer);
  check_is(drive_raw_end(&drive, raw), 0);
  raw_close(raw);
  raw_close(listener);
  drive_until(&drive, socket->is_closed);
  drive_finish(&drive);
}

/* The peer does not stop sending, and the wait ends all the same. */
static void wait_has_a_limit(uint32_t timeout_ms, uint32_t limit_ms) {
  struct drive drive;
  host_socket raw;
  static uint8_t bytes[10000];
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_pump(socket, 9, 1000, 1000);
  drive_raw_expect(&drive, raw, 9, 0, 1000);
  uint64_t start_ms = host_now_ms();
  drive_close(socket, IOCP_GRACEFUL, timeout_ms);
  drive_until(&drive,
              raw_send(raw, bytes, sizeof bytes) != 0 && socket->is_closed);
  uint64_t passed_ms = host_now_ms() - start_ms;
  check(passed_ms + 20 >= limit_ms);
  /* Even a slow machine must be within this limit. */
  check(passed_ms < limit_ms + DRIVE_DEADLINE_MS / 2);
  check_is(socket->close_result, 0);
  raw_close(raw);
  drive_finish(&drive);
}

static void timeout_limits_the_wait(void) { wait_has_a_limit(200, 200); }

static void no_wait_is_longer_than_the_maximum(void) {
  wait_has_a_limit(10 * DRIVE_DEADLINE_MS, IOCP_LINGER_MS);
}

static void no_time_at_all(void) { wait_has_a_limit(0, 0); }

/* A reset ends the wait at once. */
static void reset_ends_the_wait(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  drive_pump(socket, 9, 1000, 1000);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_poll(&drive);
  check(!socket->is_closed);
  drive_close(socket, IOCP_RESET, 0);
  drive_poll(&drive);
  drive_until(&drive, socket->is_closed);
  check_is(socket->close_result, 0);
  /* The FIN was sent before, and the peer may see it first. */
  drive_raw_end(&drive, raw);
  raw_close(raw);
  drive_finish(&drive);
}

/* Both ends close at the same time: neither waits for its deadline. */
static void both_ends_close(void) {
  struct drive drive;
  struct drive_socket* ends[2];
  drive_open(&drive);
  for (int i = 0; i < 50; i++) {
    drive_pair(&drive, &ends[0], &ends[1]);
    for (int j = 0; j < 2; j++) {
      drive_pump(ends[j], 9, 10000, 10000);
      if (i % 2 == 0) drive_receive(ends[j], 1000);
    }
    drive_poll(&drive);
    for (int j = 0; j < 2; j++)
      drive_close(ends[j], IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
    for (int j = 0; j < 2; j++) {
      drive_until(&drive, ends[j]->is_closed);
      check_is(ends[j]->close_result, 0);
      drive_forget(ends[j]);
    }
  }
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(peer_gets_one_byte),
          TEST_CASE(peer_gets_much),
          TEST_CASE(peer_gets_only_the_end),
          TEST_CASE(adopted_stream),
          TEST_CASE(timeout_limits_the_wait),
          TEST_CASE(no_wait_is_longer_than_the_maximum),
          TEST_CASE(no_time_at_all),
          TEST_CASE(reset_ends_the_wait),
          TEST_CASE(both_ends_close))
