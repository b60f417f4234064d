/* SPDX-License-Identifier: MIT */
/*
 * Datagrams between unix sockets: names of files and abstract ones, senders
 * without a name, and a receiver that is slow.
 *
 * It is hard because the kernel reports room at the receiver only to sockets
 * that are connected to it, and because the file must be made, replaced and
 * removed without touching another one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#if !defined(_WIN32)
#include <unistd.h>
#endif

#include "iocp.h"
#include "shared/drive.h"
#include "shared/test.h"

#if defined(_WIN32)

static void is_missing(void) {
  struct drive drive;
  struct iocp_path path = drive_path("test");
  drive_open(&drive);
  check_is(iocp_bind(drive.port, &path, 0, IOCP_MODE_DEFAULT), -IOCP_ENOTSUP);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(is_missing))

#else

static char folder[64];
static char path_a[80];
static char path_b[80];

static void make_folder(void) {
  strcpy(folder, "/tmp/iocp-datagram-XXXXXX");
  check(mkdtemp(folder) != NULL);
  snprintf(path_a, sizeof path_a, "%s/a", folder);
  snprintf(path_b, sizeof path_b, "%s/b", folder);
}

/* Every socket has removed its file. */
static void remove_folder(void) { check_is(rmdir(folder), 0); }

static void check_from(const struct drive_socket* socket, const char* name) {
  check_is(socket->last.from.family, IOCP_UNIX);
  check_is(socket->last.from.port, strlen(name));
  struct iocp_path expected = drive_path(name);
  check(memcmp(socket->last_path, expected.bytes, expected.length) == 0);
}

static void between(const char* name_a, const char* name_b) {
  struct drive drive;
  drive_open(&drive);
  struct iocp_path to_a = drive_path(name_a);
  struct iocp_path to_b = drive_path(name_b);
  struct iocp_path local;
  struct drive_socket* a =
      drive_bind_path(&drive, name_a, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* b =
      drive_bind_path(&drive, name_b, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* unnamed =
      drive_bind_path(&drive, NULL, 0, IOCP_MODE_DEFAULT);
  check_is(
      iocp_get_address(drive.port, a->id, IOCP_LOCAL, &local, sizeof local),
      4 + to_a.length);
  check(memcmp(&local, &to_a, 4u + to_a.length) == 0);
  drive_receive(a, 1 << 20);
  drive_receive(b, 1 << 20);
  for (int i = 0; i < 5; i++) {
    check_is(drive_send_to(a, "hello", 5, &to_b), 5);
    drive_until(&drive, b->datagram_count == 3 * (uint32_t)i + 1);
    check_from(b, name_a);
    check_is(drive_send_to(unnamed, NULL, 0, &to_b), 0);
    drive_until(&drive, b->datagram_count == 3 * (uint32_t)i + 2);
    check_from(b, "");
    check_is(b->last.length, 0);
    check_is(drive_send_to(b, "x", 1, &to_a), 1);
    drive_until(&drive, a->datagram_count == (uint32_t)i + 1);
    check_from(a, name_b);
    check_is(drive_send_to(a, "yz", 2, &to_b), 2);
    drive_until(&drive, b->datagram_count == 3 * (uint32_t)i + 3);
  }
  drive_finish(&drive);
}

static void names(void) {
  make_folder();
  between(path_a, path_b);
  between("@iocp-test-datagram-a", "@iocp-test-datagram-longer-name-b");
  between(path_a, "@iocp-test-datagram");
  remove_folder();
}

static void into_a_buffer(void) {
  struct drive drive;
  struct iocp_datagram datagram;
  char bytes[8];
  char path[IOCP_DATAGRAM_PATH_MAX + 1] = {0};
  make_folder();
  drive_open(&drive);
  struct iocp_path to = drive_path(path_a);
  struct drive_socket* a =
      drive_bind_path(&drive, path_a, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* b =
      drive_bind_path(&drive, path_b, 0, IOCP_MODE_DEFAULT);
  check_is(drive_send_to(b, "123456789", 9, &to), 9);
  drive_for(&drive, 30);
  check_is(drive_receive_from(a, bytes, 8, &datagram, path), 8);
  check_is(datagram.size, 9);
  check_is(datagram.from.port, strlen(path_b));
  check(strcmp(path, path_b) == 0);
  /* The longest names: 107 bytes of a path, 108 of an abstract one. */
  char long_name[120];
  memset(long_name, 'n', sizeof long_name);
  long_name[0] = '@';
  long_name[108] = 0;
  struct drive_socket* longest =
      drive_bind_path(&drive, long_name, 0, IOCP_MODE_DEFAULT);
  check_is(drive_send_to(longest, "1", 1, &to), 1);
  drive_receive(a, 1000);
  drive_until(&drive, a->datagram_count == 1);
  check_from(a, long_name);
  long_name[108] = 'n';
  long_name[109] = 0;
  struct iocp_path too_long = drive_path(long_name);
  check_is(iocp_bind(drive.port, &too_long, 0, IOCP_MODE_DEFAULT),
           -IOCP_ENAMETOOLONG);
  check_is(drive_send_to(b, "1", 1, &too_long), -IOCP_ENAMETOOLONG);
  drive_finish(&drive);
  remove_folder();
}

/* Sends until the receiver has no room. Returns how many datagrams. */
static uint32_t fill(struct drive_socket* from, const struct iocp_path* to) {
  uint32_t sent = 0;
  while (!from->send_pending && sent < 100000) {
    check_is(drive_send_to(from, "1", 1, to) & ~IOCP_PENDING, 1);
    sent++;
  }
  check(from->send_pending);
  return sent;
}

/* A port that has nothing to do but to wait for room sleeps: it is polled when
 * a timer is due, with a period of at least 16 ms. */
static void check_sleeps(struct drive* drive) {
  struct iocp_stats before, after;
  check_is(iocp_stats(drive->port, &before), 0);
  drive_for(drive, 160);
  check_is(iocp_stats(drive->port, &after), 0);
  check(after.polls - before.polls < 40);
}

/* The receiver's queue is full (net.unix.max_dgram_qlen). */
static void waits_for_a_slow_receiver(bool is_connected) {
  struct drive drive;
  uint32_t sent = 0;
  make_folder();
  drive_open(&drive);
  struct iocp_path to = drive_path(path_a);
  struct drive_socket* a =
      drive_bind_path(&drive, path_a, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* b = drive_bind_path(&drive, NULL, 0, IOCP_MODE_DEFAULT);
  const void* address = is_connected ? NULL : &to;
  if (is_connected) check_is(iocp_connect_datagram(drive.port, b->id, &to), 0);
  while (!b->send_pending && sent < 100000) {
    check_is(drive_send_to(b, "12345678", 8, address) & ~IOCP_PENDING, 8);
    sent++;
  }
  check(b->send_pending);
  check_is(drive_send_to(b, "1", 1, address), -IOCP_EBUSY);
  /* What it could never send is not taken behind the copy either. */
  struct iocp_address ip = {.family = IOCP_IPV4, .bytes = {127, 0, 0, 1}};
  int32_t id = b->id;
  check_is(iocp_set_option(drive.port, id, IOCP_SEND_CONCURRENCY, 2), 0);
  check_is(iocp_send_to(drive.port, id, "1", 0, 1, &ip), -IOCP_EAFNOSUPPORT);
  ip.family = 5;
  check_is(iocp_send_to(drive.port, id, "1", 0, 1, &ip), -IOCP_EAFNOSUPPORT);
  check_is(iocp_set_option(drive.port, id, IOCP_SEND_CONCURRENCY, 1), 0);
  check_sleeps(&drive);
  check(b->send_pending);
  drive_receive(a, 1 << 30);
  drive_until(&drive, !b->send_pending);
  check_is(b->send_result, 1);
  drive_until(&drive, a->datagram_count == sent);
  drive_finish(&drive);
  remove_folder();
}

static void waits_unconnected(void) { waits_for_a_slow_receiver(false); }
static void waits_connected(void) { waits_for_a_slow_receiver(true); }

/* The send buffer of the socket itself is full, or the queue of one receiver
 * and then that of another one. */
static void waits_for_several(void) {
  static uint8_t bytes[3000];
  struct drive drive;
  make_folder();
  drive_open(&drive);
  struct iocp_path to_a = drive_path(path_a);
  struct iocp_path to_b = drive_path(path_b);
  struct drive_socket* a =
      drive_bind_path(&drive, path_a, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* b =
      drive_bind_path(&drive, path_b, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* c = drive_bind_path(&drive, NULL, 0, IOCP_MODE_DEFAULT);
  uint32_t to_each[2] = {0, 0};
  int32_t result;
  check_is(iocp_set_option(drive.port, c->id, IOCP_SYSTEM_SEND_BUFFER, 4608),
           0);
  while (!c->send_pending && to_each[0] < 100) {
    check_is(drive_send_to(c, bytes, 3000, &to_a) & ~IOCP_PENDING, 3000);
    to_each[0]++;
  }
  check(c->send_pending);
  check_sleeps(&drive);
  drive_receive(a, 1 << 30);
  drive_until(&drive, a->datagram_count == to_each[0] && !c->send_pending);
  check_is(iocp_set_option(drive.port, c->id, IOCP_SYSTEM_SEND_BUFFER, 1 << 20),
           0);
  check_is(iocp_set_option(drive.port, c->id, IOCP_SEND_CONCURRENCY, 16), 0);
  /* The copies alternate, and the first one waits for the second receiver. */
  for (int i = 0; i < 100000; i++) {
    result = drive_send_to(c, "1", 1, i % 2 == 0 ? &to_b : &to_a);
    if (result == -IOCP_EBUSY) break;
    check_is(result & ~IOCP_PENDING, 1);
    to_each[1 - i % 2]++;
  }
  check_sleeps(&drive);
  check(b->datagram_count == 0 && c->send_pending);
  drive_receive(b, 1 << 30);
  drive_until(&drive,
              a->datagram_count == to_each[0] &&
                  b->datagram_count == to_each[1] && !c->send_pending);
  drive_finish(&drive);
  remove_folder();
}

/* The copies for a receiver that is closed fail, and the others are sent. */
static void receiver_goes(void) {
  struct drive drive;
  make_folder();
  drive_open(&drive);
  struct iocp_path to = drive_path(path_a);
  struct drive_socket* a =
      drive_bind_path(&drive, path_a, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* b = drive_bind_path(&drive, NULL, 0, IOCP_MODE_DEFAULT);
  fill(b, &to);
  drive_close_now(a);
  drive_until(&drive, !b->send_pending);
  check(b->send_result < 0);
  drive_finish(&drive);
  remove_folder();
}

/* What the receiver has no room for is copied, as one send. */
static void many_wait(void) {
  static uint8_t memory[400 * 48];
  struct drive drive;
  struct iocp_datagram header = {.length = 6};
  make_folder();
  drive_open(&drive);
  struct iocp_path to = drive_path(path_a);
  struct drive_socket* a =
      drive_bind_path(&drive, path_a, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* b = drive_bind_path(&drive, NULL, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* c = drive_bind_path(&drive, NULL, 0, IOCP_MODE_DEFAULT);
  check_is(iocp_connect_datagram(drive.port, b->id, &to), 0);
  for (int i = 0; i < 400; i++) memcpy(memory + 40 * i, &header, sizeof header);
  /* The queue's length is a setting of the machine. */
  uint32_t sent = 0;
  while (!b->send_pending && sent < 100000)
    sent += (uint32_t)drive_send_many(b, memory, 400 * 40, 400) &
            ~(uint32_t)IOCP_PENDING;
  check(b->send_pending);
  check_is(sent % 400, 0);
  int32_t copied = b->send_accepted[0];
  check_is(drive_send_many(b, memory, 40, 1), -IOCP_EBUSY);
  /* One of the second copy has no destination; the others are sent. */
  header.length = 0;
  memset(memory, 0, sizeof memory);
  header.from.family = IOCP_UNIX;
  header.from.port = to.length;
  uint32_t size = 0;
  for (int i = 0; i < 5; i++) {
    memcpy(memory + size, &header, sizeof header);
    memcpy(memory + size + sizeof header, to.bytes, to.length);
    if (i == 3) memset(memory + size + sizeof header, 'x', 3);
    size += (uint32_t)sizeof header + ((to.length + 7u) & ~7u);
  }
  check_is(drive_send_many(c, memory, size, 5), 5 | IOCP_PENDING);
  drive_receive(a, 1 << 30);
  drive_until(&drive, !b->send_pending && !c->send_pending);
  /* Some of the call were sent at once. */
  check(b->send_result > 0 && b->send_result <= copied);
  check_is(c->send_result, -IOCP_ENOENT);
  drive_until(&drive, a->datagram_count == sent + 4);
  drive_finish(&drive);
  remove_folder();
}

/* A graceful close sends the copies first, a reset does not. */
static void closes_with(uint32_t mode, uint32_t timeout_ms, bool reads) {
  struct drive drive;
  make_folder();
  drive_open(&drive);
  struct iocp_path to = drive_path(path_a);
  struct drive_socket* a =
      drive_bind_path(&drive, path_a, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* b = drive_bind_path(&drive, NULL, 0, IOCP_MODE_DEFAULT);
  b->may_time_out = true;
  uint32_t sent = fill(b, &to);
  drive_close(b, mode, timeout_ms);
  if (mode == IOCP_GRACEFUL && reads) drive_for(&drive, 50);
  if (reads) drive_receive(a, 1 << 30);
  drive_until(&drive, b->is_closed);
  if (reads) {
    check_is(b->close_result, 0);
    check_is(b->send_result, 1);
    drive_until(&drive, a->datagram_count == sent);
  } else {
    check(b->send_result < 0);
    check_is(b->close_result, mode == IOCP_RESET ? 0 : -IOCP_ETIMEDOUT);
  }
  drive_finish(&drive);
  remove_folder();
}

static void close_sends_copies(void) {
  closes_with(IOCP_GRACEFUL, 30000, true);
}
/* Each waits for room at the other, or at itself, and neither reads. */
static void closes_together(bool to_itself) {
  struct drive drive;
  make_folder();
  drive_open(&drive);
  struct iocp_path to_a = drive_path(path_a);
  struct iocp_path to_b = drive_path(path_b);
  struct drive_socket* a =
      drive_bind_path(&drive, path_a, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* b =
      drive_bind_path(&drive, path_b, 0, IOCP_MODE_DEFAULT);
  fill(a, to_itself ? &to_a : &to_b);
  fill(b, to_itself ? &to_b : &to_a);
  drive_close(a, IOCP_GRACEFUL, UINT32_MAX);
  drive_close(b, IOCP_GRACEFUL, UINT32_MAX);
  drive_until(&drive, a->is_closed && b->is_closed);
  check_is(a->close_result, 0);
  check_is(b->close_result, 0);
  drive_finish(&drive);
  remove_folder();
}

static void close_full_itself(void) { closes_together(true); }
static void close_full_together(void) { closes_together(false); }
static void close_times_out(void) { closes_with(IOCP_GRACEFUL, 100, false); }
static void reset_drops_copies(void) { closes_with(IOCP_RESET, 0, false); }

/* The send that meets a closed peer has the error, and no receive. */
static void peer_goes(void) {
  struct drive drive;
  make_folder();
  drive_open(&drive);
  struct iocp_path to = drive_path(path_a);
  struct drive_socket* a =
      drive_bind_path(&drive, path_a, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* b =
      drive_bind_path(&drive, path_b, 0, IOCP_MODE_DEFAULT);
  struct iocp_path to_b = drive_path(path_b);
  check_is(iocp_connect_datagram(drive.port, b->id, &to), 0);
  check_is(drive_send_to(b, "x", 1, NULL), 1);
  drive_close_now(a);
  check_is(drive_send_to(b, "x", 1, NULL), -IOCP_ECONNREFUSED);
  check_is(drive_send_to(b, "x", 1, NULL), -IOCP_EDESTADDRREQ);
  /* It receives from others again. */
  struct drive_socket* c = drive_bind_path(&drive, NULL, 0, IOCP_MODE_DEFAULT);
  drive_receive(b, 100);
  check_is(drive_send_to(c, "y", 1, &to_b), 1);
  drive_until(&drive, b->datagram_count == 1);
  drive_finish(&drive);
  remove_folder();
}

/* The peer leaves its partner, and what it had not received is lost
 * (unix_dgram_disconnected() in the kernel): a receive has the error, and the
 * next send is made. */
static void peer_leaves(void) {
  struct drive drive;
  make_folder();
  drive_open(&drive);
  struct iocp_path to_a = drive_path(path_a);
  struct iocp_path to_b = drive_path(path_b);
  struct drive_socket* a =
      drive_bind_path(&drive, path_a, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* b =
      drive_bind_path(&drive, path_b, 0, IOCP_MODE_DEFAULT);
  check_is(iocp_connect_datagram(drive.port, a->id, &to_b), 0);
  check_is(iocp_connect_datagram(drive.port, b->id, &to_a), 0);
  check_is(drive_send_to(b, "lost", 4, NULL), 4);
  check_is(iocp_connect_datagram(drive.port, a->id, NULL), 0);
  check_is(drive_send_to(b, "x", 1, NULL), 1);
  char byte;
  struct iocp_datagram datagram;
  check_is(drive_receive_from(b, &byte, 1, &datagram, NULL), -IOCP_ECONNRESET);
  drive_receive(a, 100);
  drive_until(&drive, a->datagram_count == 1);
  drive_finish(&drive);
  remove_folder();
}

static void files(void) {
  struct drive drive;
  struct stat status;
  make_folder();
  drive_open(&drive);
  struct iocp_path path = drive_path(path_a);
  struct drive_socket* a = drive_bind_path(&drive, path_a, 0, 0640);
  check_is(stat(path_a, &status), 0);
  check_is(status.st_mode & 0777, 0640);
  /* A live one is not replaced. */
  check_is(iocp_bind(drive.port, &path, IOCP_REPLACE_STALE, 0600),
           -IOCP_EADDRINUSE);
  check_is(iocp_bind(drive.port, &path, IOCP_REPLACE_STALE, 01000),
           -IOCP_EINVAL);
  check_is(iocp_bind(drive.port, &path, IOCP_REUSE_PORT, 0600), -IOCP_EINVAL);
  /* What a process that was killed leaves behind. */
  check_is(link(path_a, path_b), 0);
  drive_close_now(a);
  check(access(path_a, F_OK) != 0);
  check_is(rename(path_b, path_a), 0);
  struct drive_socket* sender =
      drive_bind_path(&drive, NULL, 0, IOCP_MODE_DEFAULT);
  check_is(drive_send_to(sender, "x", 1, &path), -IOCP_ECONNREFUSED);
  check_is(iocp_bind(drive.port, &path, 0, IOCP_MODE_DEFAULT),
           -IOCP_EADDRINUSE);
  a = drive_bind_path(&drive, path_a, IOCP_REPLACE_STALE, IOCP_MODE_DEFAULT);
  drive_receive(a, 100);
  check_is(drive_send_to(sender, "x", 1, &path), 1);
  drive_until(&drive, a->datagram_count == 1);
  struct iocp_path nowhere = drive_path("/nonexistent/x");
  check_is(iocp_bind(drive.port, &nowhere, 0, IOCP_MODE_DEFAULT), -IOCP_ENOENT);
  check_is(drive_send_to(sender, "x", 1, &nowhere), -IOCP_ENOENT);
  check_is(drive_send_to(sender, "x", 1, NULL), -IOCP_EDESTADDRREQ);
  struct iocp_address ip = {.family = 4, .port = 9, .bytes = {127, 0, 0, 1}};
  check_is(drive_send_to(sender, "x", 1, &ip), -IOCP_EAFNOSUPPORT);
  check_is(iocp_get_option(drive.port, a->id, IOCP_TTL), -IOCP_ENOTSUP);
  check(iocp_get_option(drive.port, a->id, IOCP_SYSTEM_SEND_BUFFER) > 0);
  drive_finish(&drive);
  remove_folder();
}

/* A datagram of a unix socket may be longer than those of UDP. */
static void longer_than_is_delivered(void) {
  static uint8_t bytes[IOCP_DATAGRAM_MAX + 1000];
  struct drive drive;
  make_folder();
  drive_open(&drive);
  struct iocp_path to = drive_path(path_a);
  struct drive_socket* a =
      drive_bind_path(&drive, path_a, 0, IOCP_MODE_DEFAULT);
  struct drive_socket* b = drive_bind_path(&drive, NULL, 0, IOCP_MODE_DEFAULT);
  drive_receive(a, 1 << 30);
  check_is(drive_send_to(b, bytes, sizeof bytes, &to), sizeof bytes);
  drive_until(&drive, a->datagram_count == 1);
  check_is(a->last.length, IOCP_DATAGRAM_MAX);
  check_is(a->last.size, sizeof bytes);
  drive_finish(&drive);
  remove_folder();
}

TEST_MAIN(TEST_CASE(names),
          TEST_CASE(into_a_buffer),
          TEST_CASE(peer_goes),
          TEST_CASE(peer_leaves),
          TEST_CASE(waits_unconnected),
          TEST_CASE(waits_connected),
          TEST_CASE(waits_for_several),
          TEST_CASE(receiver_goes),
          TEST_CASE(many_wait),
          TEST_CASE(close_sends_copies),
          TEST_CASE(close_full_itself),
          TEST_CASE(close_full_together),
          TEST_CASE(close_times_out),
          TEST_CASE(reset_drops_copies),
          TEST_CASE(files),
          TEST_CASE(longer_than_is_delivered))

#endif
