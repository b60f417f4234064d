/* SPDX-License-Identifier: MIT */
/*
 * A listener is closed with accepts posted and with connections that were not
 * accepted. Its address is free as soon as iocp_close() has returned.
 *
 * It is hard because the kernel may be completing an accept at that moment: the
 * connection must not stay open unseen, since its peer would wait for ever, and
 * must not be reported for a closed listener.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/raw.h"
#include "shared/test.h"

/* Listens at the address that was just closed. Another process may bind it
 * first, but not each time. */
static void check_is_free(struct drive* drive,
                          const struct iocp_address* address) {
  static int in_use_count;
  int32_t id = iocp_listen(drive->port, address, 16, 0);
  if (id == -IOCP_EADDRINUSE) {
    check(++in_use_count <= 1);
    return;
  }
  struct drive_socket* again = drive_add(drive, id);
  again->is_listener = true;
  drive_accept(again, 1);
  host_socket raw = raw_connect(address);
  drive_until(drive, again->accepted_count == 1);
  raw_close(raw);
}

static void with_accepts_posted(void) {
  static const uint32_t counts[] = {0, 1, 32, IOCP_ACCEPT_MAX};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
    struct drive drive;
    struct iocp_address address;
    drive_open(&drive);
    struct drive_socket* listener =
        drive_listen(&drive, "127.0.0.1", 0, &address);
    drive_accept(listener, counts[i]);
    drive_drain(&drive);
    drive_close(listener, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
    check_is_free(&drive, &address);
    drive_until(&drive, listener->is_closed);
    check_is(listener->close_result, 0);
    drive_finish(&drive);
  }
}

static void connects_are_refused_afterwards(void) {
  struct drive drive;
  struct iocp_address address;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 4);
  drive_drain(&drive);
  drive_close(listener, IOCP_GRACEFUL, 0);
  check_is(raw_try_connect(&address, &raw), -IOCP_ECONNREFUSED);
  drive_until(&drive, listener->is_closed);
  drive_finish(&drive);
}

/* Peers are reset if the kernel had connected them and they were not
 * accepted. */
static void with_a_backlog(uint32_t accept_count, uint32_t mode) {
  enum { PEERS = 20 };
  struct drive drive;
  struct iocp_address address;
  host_socket raws[PEERS];
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, accept_count);
  for (int i = 0; i < PEERS; i++) raws[i] = raw_connect(&address);
  /* There was no poll in between, so none of them was reported. */
  drive_close(listener, mode, DRIVE_DEADLINE_MS);
  check_is_free(&drive, &address);
  drive_until(&drive, listener->is_closed);
  check_is(listener->close_result, 0);
  check_is(listener->accepted_count, 0);
  for (int i = 0; i < PEERS; i++) {
    int32_t end = drive_raw_end(&drive, raws[i]);
    check(end == 0 || end == -IOCP_ECONNRESET);
    raw_close(raws[i]);
  }
  drive_finish(&drive);
}

static void with_a_backlog_and_no_accepts(void) {
  with_a_backlog(0, IOCP_GRACEFUL);
}

static void with_a_backlog_and_accepts(void) {
  with_a_backlog(8, IOCP_GRACEFUL);
}

static void with_a_backlog_and_a_reset(void) { with_a_backlog(32, IOCP_RESET); }

/* Closes between two reports: each peer has either been reported or sees the
 * end. */
static void between_two_reports(void) {
  enum { PEERS = 20 };
  struct drive drive;
  struct iocp_address address;
  host_socket raws[PEERS];
  drive_open_sized(&drive, 3, 65536);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 32);
  for (int i = 0; i < PEERS; i++) raws[i] = raw_connect(&address);
  drive_until(&drive, listener->accepted_count >= 3);
  drive_close(listener, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_until(&drive, listener->is_closed);
  uint32_t delivered = listener->accepted_count, alive = 0;
  struct drive_socket* socket;
  while ((socket = drive_next_accepted(listener)) != NULL)
    check_is(drive_send(socket, "x", 1), 1);
  for (int i = 0; i < PEERS; i++) {
    char byte;
    int32_t count = 0;
    drive_until(&drive,
                (count = raw_receive(raws[i], &byte, 1)) != HOST_WOULD_BLOCK);
    check(count == 1 || count == 0 || count == -IOCP_ECONNRESET);
    if (count == 1) alive++;
    raw_close(raws[i]);
  }
  check_is(alive, delivered);
  drive_finish(&drive);
}

/* The memory of posted accepts is freed with the listener. */
static void memory_is_freed(void) {
  enum { WARM_UP = 3, ROUNDS = 20 };
  struct drive drive;
  struct iocp_address address;
  int64_t memory = 0;
  drive_open(&drive);
  for (int i = 0; i < WARM_UP + ROUNDS; i++) {
    if (i == WARM_UP) memory = host_memory();
    struct drive_socket* listener =
        drive_listen(&drive, "127.0.0.1", 0, &address);
    drive_accept(listener, IOCP_ACCEPT_MAX);
    drive_poll(&drive);
    drive_close_now(listener);
    drive_forget(listener);
  }
  /* 100 leaked bytes of each accept would be 2 MB. */
  check(host_memory() - memory < (1 << 20) + host_memory_slack());
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(with_accepts_posted),
          TEST_CASE(connects_are_refused_afterwards),
          TEST_CASE(with_a_backlog_and_no_accepts),
          TEST_CASE(with_a_backlog_and_accepts),
          TEST_CASE(with_a_backlog_and_a_reset),
          TEST_CASE(between_two_reports),
          TEST_CASE(memory_is_freed))
