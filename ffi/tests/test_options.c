/* SPDX-License-Identifier: MIT */
/*
 * Options can be set and read on each kind of socket, and nothing else can.
 *
 * It is hard because Windows refuses most options of accepted and connected
 * sockets until their context was updated, which a plain test would not notice.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/raw.h"
#include "shared/raw_headers.h"
#include "shared/test.h"

static void check_options(int32_t port, int32_t id) {
  static const uint32_t options[] = {IOCP_NO_DELAY, IOCP_KEEP_ALIVE};
  static const int32_t wrong[] = {-1, 2, INT32_MAX, INT32_MIN};
  static const uint32_t unknown[] = {0, 255, 1000, UINT32_MAX};
  for (size_t i = 0; i < 2; i++) {
    for (int32_t value = 0; value < 2; value++) {
      check_is(iocp_set_option(port, id, options[i], value), 0);
      check_is(iocp_get_option(port, id, options[i]), value);
    }
    for (size_t j = 0; j < 4; j++)
      check_is(iocp_set_option(port, id, options[i], wrong[j]), -IOCP_EINVAL);
    check_is(iocp_get_option(port, id, options[i]), 1);
  }
  for (size_t i = 0; i < 4; i++) {
    check_is(iocp_set_option(port, id, unknown[i], 1), -IOCP_EINVAL);
    check_is(iocp_get_option(port, id, unknown[i]), -IOCP_EINVAL);
  }
}

/* A numeric option: its bounds, and values beyond them. */
static void check_number(
    int32_t port, int32_t id, uint32_t option, int32_t min, int32_t max) {
  const int32_t good[] = {min, max, min + (max - min) / 2, min};
  for (size_t i = 0; i < 4; i++) {
    check_is(iocp_set_option(port, id, option, good[i]), 0);
    check_is(iocp_get_option(port, id, option), good[i]);
  }
  check_is(iocp_set_option(port, id, option, min - 1), -IOCP_EINVAL);
  check_is(iocp_set_option(port, id, option, INT32_MIN), -IOCP_EINVAL);
  if (max != INT32_MAX)
    check_is(iocp_set_option(port, id, option, max + 1), -IOCP_EINVAL);
  check_is(iocp_get_option(port, id, option), min);
}

/* An option that this system does not have. */
static void check_refused(int32_t port, int32_t id, uint32_t option) {
  check_is(iocp_set_option(port, id, option, 1), -IOCP_ENOTSUP);
  check_is(iocp_get_option(port, id, option), -IOCP_ENOTSUP);
  /* The bounds are checked all the same. */
  check_is(iocp_set_option(port, id, option, -1), -IOCP_EINVAL);
}

/* Windows counts in seconds; Wine does not have this option. */
static void check_user_timeout(int32_t port, int32_t id) {
  int32_t before = iocp_get_option(port, id, IOCP_USER_TIMEOUT);
  if (!host_posts_operations()) {
    check_is(before, 0);
    check_number(port, id, IOCP_USER_TIMEOUT, 1, INT32_MAX);
    return;
  }
  if (before == -IOCP_ENOTSUP) {
    check_refused(port, id, IOCP_USER_TIMEOUT);
    return;
  }
  static const int32_t set[] = {1, 1000, 1001, 90000, INT32_MAX};
  static const int32_t read[] = {1000, 1000, 2000, 90000, INT32_MAX};
  for (size_t i = 0; i < 5; i++) {
    check_is(iocp_set_option(port, id, IOCP_USER_TIMEOUT, set[i]), 0);
    check_is(iocp_get_option(port, id, IOCP_USER_TIMEOUT), read[i]);
  }
}

static void check_dscp(int32_t port, int32_t id) {
  if (host_posts_operations())
    check_refused(port, id, IOCP_DSCP);
  else
    check_number(port, id, IOCP_DSCP, 0, 63);
}

static void check_numbers(int32_t port, int32_t id, bool is_listener) {
  check_number(port, id, IOCP_KEEP_ALIVE_IDLE, 1, 32767);
  check_number(port, id, IOCP_KEEP_ALIVE_INTERVAL, 1, 32767);
  check_number(port, id, IOCP_KEEP_ALIVE_COUNT, 1, 127);
  check_number(port, id, IOCP_RECEIVE_BUFFER, 0, IOCP_RECEIVE_BUFFER_MAX);
  check_number(port, id, IOCP_RECEIVE_DEPTH, 1, IOCP_CONCURRENCY_MAX);
  check_number(port, id, IOCP_SEND_CONCURRENCY, 1, IOCP_CONCURRENCY_MAX);
  check_user_timeout(port, id);
  check_dscp(port, id);
  if (!is_listener) return;
  check_number(port, id, IOCP_DEFER_ACCEPT, 0, 1);
  check_number(port, id, IOCP_FIRST_BYTE_TIMEOUT, 0, INT32_MAX);
}

/* Each socket has the options of its scope, and no others. */
static void check_scopes(int32_t port, int32_t id, bool is_listener) {
  enum { SOCKET, LISTENER, DATAGRAM, ALL };
  static const struct {
    uint32_t option;
    int scope;
  } rows[] = {
#define ROW(name, number, owner, scope, min, max) {number, scope},
      IOCP_OPTIONS(ROW)
#undef ROW
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    bool has = rows[i].scope == SOCKET || rows[i].scope == ALL ||
               (rows[i].scope == LISTENER && is_listener);
    int32_t result = iocp_get_option(port, id, rows[i].option);
    check(has == (result != -IOCP_EINVAL));
    if (!has)
      check_is(iocp_set_option(port, id, rows[i].option, 1), -IOCP_EINVAL);
  }
}

static void numbers(void) {
  struct drive drive;
  struct drive_socket* client;
  struct drive_socket* server;
  struct iocp_address address;
  drive_open(&drive);
  drive_pair(&drive, &client, &server);
  check_numbers(drive.port, client->id, false);
  check_numbers(drive.port, server->id, false);
  check_scopes(drive.port, client->id, false);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  check_numbers(drive.port, listener->id, true);
  check_scopes(drive.port, listener->id, true);
  drive_finish(&drive);
}

/* Each connection starts with the options that its listener has at that
 * time. */
static void connections_inherit(void) {
  static const uint32_t options[] = {
      IOCP_RECEIVE_BUFFER, IOCP_RECEIVE_DEPTH, IOCP_SEND_CONCURRENCY};
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 4);
  for (int32_t round = 1; round < 4; round++) {
    for (size_t i = 0; i < 3; i++)
      drive_set(listener, options[i], round + (int32_t)i);
    host_socket raw = raw_connect(&address);
    struct drive_socket* socket = NULL;
    drive_until(&drive, (socket = drive_next_accepted(listener)) != NULL);
    for (size_t i = 0; i < 3; i++)
      check_is(iocp_get_option(drive.port, socket->id, options[i]),
               round + (int32_t)i);
    raw_close(raw);
  }
  drive_finish(&drive);
}

/* Connections have TCP_NODELAY set from the start if, and only if, their
 * listener has it. */
static void no_delay(void) {
  static const uint32_t flags[] = {0, IOCP_ALL_NO_DELAY};
  for (size_t i = 0; i < 2; i++) {
    struct drive drive;
    struct iocp_address address;
    drive_open(&drive);
    struct drive_socket* listener =
        drive_listen(&drive, "127.0.0.1", flags[i], &address);
    host_socket raw = raw_connect(&address);
    drive_accept(listener, 4);
    struct drive_socket* socket = NULL;
    drive_until(&drive, (socket = drive_next_accepted(listener)) != NULL);
    check_is(iocp_get_option(drive.port, socket->id, IOCP_NO_DELAY),
             (int32_t)i);
    raw_close(raw);
    drive_finish(&drive);
  }
}

/* How many connections are made, at least, without an accept. */
static uint32_t count_backlog(struct drive* drive,
                              const struct iocp_address* address,
                              uint32_t limit) {
  host_socket raws[64];
  uint32_t count = 0;
  (void)drive;
  while (count < limit && raw_try_connect(address, &raws[count]) == 0) count++;
  for (uint32_t i = 0; i < count; i++) raw_close(raws[i]);
  return count;
}

/* A larger backlog admits more connections, and is read back; a smaller one
 * does where the system supports that. */
static void backlog(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  struct iocp_address any = raw_address("127.0.0.1", 0);
  struct drive_socket* listener =
      drive_add(&drive, iocp_listen(drive.port, &any, 2, 0));
  listener->is_listener = true;
  check_is(iocp_get_address(drive.port,
                            listener->id,
                            IOCP_LOCAL,
                            &address,
                            sizeof(struct iocp_address)),
           sizeof(struct iocp_address));
  check_is(iocp_get_option(drive.port, listener->id, IOCP_BACKLOG), 2);
  drive_set(listener, IOCP_BACKLOG, 40);
  check_is(count_backlog(&drive, &address, 40), 40);
  int32_t result = iocp_set_option(drive.port, listener->id, IOCP_BACKLOG, 1);
  check_is(result, host_posts_operations() ? -IOCP_ENOTSUP : 0);
  check_is(iocp_set_option(drive.port, listener->id, IOCP_BACKLOG, 0),
           -IOCP_EINVAL);
  check_is(iocp_set_option(drive.port, listener->id, IOCP_BACKLOG, 65536),
           -IOCP_EINVAL);
  drive_set(listener, IOCP_BACKLOG, 3);
  drive_finish(&drive);
}

/* The number of posted accepts can grow and shrink. */
static void accept_pool(void) {
  struct drive drive;
  struct iocp_address address;
  host_socket raws[20];
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  check_is(drive_stats(listener).accepts_posted, 0);
  drive_accept(listener, 5);
  check_is(drive_stats(listener).accepts_posted, 5);
  drive_accept(listener, 20);
  check_is(drive_stats(listener).accepts_posted, 20);
  drive_accept(listener, 2);
  for (int i = 0; i < 20; i++) raws[i] = raw_connect(&address);
  drive_until(&drive, listener->accepted_count == 20);
  drive_until(&drive, drive_stats(listener).accepts_posted == 2);
  check_is(drive_stats(listener).accepted, 20);
  for (int i = 0; i < 20; i++) raw_close(raws[i]);
  drive_finish(&drive);
}

static void connected_and_accepted(void) {
  struct drive drive;
  struct drive_socket* client;
  struct drive_socket* server;
  drive_open(&drive);
  drive_pair(&drive, &client, &server);
  check_options(drive.port, client->id);
  check_options(drive.port, server->id);
  drive_finish(&drive);
}

static void listener(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  struct drive_socket* socket = drive_listen(&drive, "127.0.0.1", 0, &address);
  check_options(drive.port, socket->id);
  drive_finish(&drive);
}

static void adopted(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  host_socket raw_listener = raw_listen("127.0.0.1", &address);
  host_socket peer = raw_connect(&address);
  struct drive_socket* socket = drive_add(
      &drive, iocp_add_socket(drive.port, (double)raw_accept(raw_listener), 0));
  check_options(drive.port, socket->id);
  raw_close(peer);
  raw_close(raw_listener);
  drive_finish(&drive);
}

#if !defined(_WIN32)
static int system_option(host_socket socket, int level, int option) {
  int value = -1;
  raw_length length = sizeof value;
  check_is(getsockopt((raw_handle)socket, level, option, &value, &length), 0);
  return value;
}

/* The system has the values, at the levels that apply to the packets. */
static void system_has_the_values(void) {
  static const char* const literals[] = {
      "127.0.0.1", "::1", "::ffff:127.0.0.1"};
  for (size_t i = 0; i < 3; i++) {
    if (i > 0 && !raw_has_family(6)) continue;
    struct drive drive;
    struct iocp_address address;
    drive_open(&drive);
    host_socket raw_listener = raw_listen(literals[i], &address);
    host_socket peer = raw_connect(&address);
    host_socket raw = raw_accept(raw_listener);
    int32_t id = iocp_add_socket(drive.port, (double)raw, 0);
    struct drive_socket* socket = drive_add(&drive, id);
    drive_set(socket, IOCP_DSCP, 46);
    drive_set(socket, IOCP_USER_TIMEOUT, 1500);
    check_is(system_option(raw, IPPROTO_IP, IP_TOS), 46 << 2);
    if (i > 0) check_is(system_option(raw, IPPROTO_IPV6, IPV6_TCLASS), 46 << 2);
    check_is(system_option(raw, IPPROTO_TCP, TCP_USER_TIMEOUT), 1500);
    raw_close(peer);
    raw_close(raw_listener);
    drive_finish(&drive);
  }
}
#endif

/* Options that were set during the connect are in force. */
static void set_while_connecting(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  host_socket raw_listener = raw_listen("127.0.0.1", &address);
  struct drive_socket* socket = drive_connect(&drive, &address);
  check_options(drive.port, socket->id);
  drive_until(&drive, socket->connect_result == 0);
  check_is(iocp_get_option(drive.port, socket->id, IOCP_NO_DELAY), 1);
  check_is(iocp_get_option(drive.port, socket->id, IOCP_KEEP_ALIVE), 1);
  raw_close(raw_listener);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(connected_and_accepted),
          TEST_CASE(listener),
          TEST_CASE(adopted),
          TEST_CASE(set_while_connecting),
          TEST_CASE(numbers),
#if !defined(_WIN32)
          TEST_CASE(system_has_the_values),
#endif
          TEST_CASE(connections_inherit),
          TEST_CASE(no_delay),
          TEST_CASE(backlog),
          TEST_CASE(accept_pool))
