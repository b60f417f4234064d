/* SPDX-License-Identifier: MIT */
/*
 * One call sends to many sockets, with the result of iocp_send() for each.
 *
 * It is hard because each socket may be in another state, and a refusal of one
 * must not affect the others.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define SOCKETS 5

static uint8_t bytes[IOCP_SEND_MAX + 1000];

static void each_has_a_result(void) {
  struct drive drive;
  struct drive_socket* sockets[SOCKETS];
  host_socket raw[SOCKETS];
  int32_t ids[SOCKETS];
  int32_t results[SOCKETS];
  drive_open(&drive);
  for (int i = 0; i < SOCKETS; i++) {
    sockets[i] = drive_raw_pair(&drive, 4096, &raw[i]);
    ids[i] = sockets[i]->id;
  }
  /* One is shut down, one has a pending send, one id never existed. */
  drive_shutdown(sockets[1]);
  drive_fill(sockets[2], 9);
  uint64_t filled = sockets[2]->sent;
  ids[3] = 0;
  memcpy(bytes, "xhello", 6);
  int32_t others =
      iocp_broadcast(drive.port, ids, results, SOCKETS, bytes, 1, 5);
  for (int i = 0; i < SOCKETS; i++) {
    others -= results[i] != 5;
    drive_was_sent(sockets[i], 5, results[i]);
  }
  check_is(others, 0);
  /* An engine may copy the bytes and report them later. */
  check_is(results[0] & ~IOCP_PENDING, 5);
  check_is(results[1], -IOCP_EPIPE);
  check_is(results[2], -IOCP_EBUSY);
  check_is(results[3], -IOCP_EBADF);
  check_is(results[4] & ~IOCP_PENDING, 5);
  for (int i = 0; i < SOCKETS; i += 4) {
    char text[8];
    check_is(raw_receive(raw[i], text, sizeof text), 5);
    check(memcmp(text, "hello", 5) == 0);
  }
  drive_raw_expect(&drive, raw[2], 9, 0, filled);
  drive_until(&drive, sockets[2]->sends_pending == 0);
  check_is(drive_stats(sockets[2]).bytes_sent, filled);
  for (int i = 0; i < SOCKETS; i++) {
    drive_close(sockets[i], IOCP_RESET, 0);
    raw_close(raw[i]);
  }
  drive_finish(&drive);
}

static void partial_sends_are_counted(void) {
  struct drive drive;
  host_socket raw;
  int32_t result;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 4096, &raw);
  check_is(iocp_broadcast(
               drive.port, &socket->id, &result, 1, bytes, 0, sizeof bytes),
           1);
  check_is(result & ~IOCP_PENDING, IOCP_SEND_MAX);
  drive_was_sent(socket, sizeof bytes, result);
  drive_close(socket, IOCP_RESET, 0);
  raw_close(raw);
  drive_finish(&drive);
}

static void wrong_arguments_send_nothing(void) {
  struct drive drive;
  host_socket raw;
  int32_t result = 7;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 4096, &raw);
  int32_t port = drive.port;
  const void* ids = &socket->id;
  check_is(iocp_broadcast(port, NULL, &result, 1, "x", 0, 1), -IOCP_EFAULT);
  check_is(iocp_broadcast(port, ids, NULL, 1, "x", 0, 1), -IOCP_EFAULT);
  check_is(iocp_broadcast(port, ids, &result, 1u << 31, "x", 0, 1),
           -IOCP_EINVAL);
  check_is(iocp_broadcast(port, NULL, NULL, 0, "x", 0, 1), 0);
  check_is(result, 7);
  /* The error of a socket is in its result. */
  check_is(iocp_broadcast(port, ids, &result, 1, NULL, 0, 1), 1);
  check_is(result, -IOCP_EFAULT);
  check_is(iocp_broadcast(port, ids, &result, 1, NULL, 0, 0), 0);
  check_is(result, 0);
  check_is(drive_stats(socket).bytes_sent, 0);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  check_is(drive_raw_end(&drive, raw), 0);
  raw_close(raw);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(each_has_a_result),
          TEST_CASE(partial_sends_are_counted),
          TEST_CASE(wrong_arguments_send_nothing))
