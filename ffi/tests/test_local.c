/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets and named pipes, with the library at both ends: connections,
 * their names and peers, and everything that a connection of TCP has as well.
 *
 * It is hard because a name is not a number of the system: it may be in use, be
 * left over, be too long, or be that of something else.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/every_call.h"
#include "shared/local.h"
#include "shared/raw.h"
#include "shared/test.h"

#define MODE IOCP_MODE_DEFAULT

static bool same_name(const struct iocp_path* a, const struct iocp_path* b) {
  return a->family == b->family && a->length == b->length &&
         memcmp(a->bytes, b->bytes, a->length) == 0;
}

static struct iocp_path name_of(struct drive_socket* socket, uint32_t end) {
  struct iocp_path name;
  memset(&name, 0xa5, sizeof name);
  int32_t size = iocp_get_address(
      socket->drive->port, socket->id, end, &name, sizeof name);
  check_is(size, 4 + name.length);
  /* Nothing behind it is written. */
  for (size_t i = (size_t)size; i < sizeof name; i++)
    check_is(((uint8_t*)&name)[i], 0xa5);
  return name;
}

/* ---- connections */

static void exchange(struct drive* drive, uint16_t family) {
  struct drive_socket *client, *server;
  local_pair(drive, family, &client, &server);
  drive_sink(client, 7, 50000);
  drive_sink(server, 9, 50000);
  drive_pump(client, 9, 16 << 20, 100000);
  drive_pump(server, 7, 16 << 20, 300000);
  drive_until(drive,
              client->received == 16 << 20 && server->received == 16 << 20);
  drive_close_now(client);
  drive_until(drive, server->end_result != DRIVE_NOTHING);
  check_is(server->end_result, 0);
}

static void exchanges_both_ways(void) { local_each_family(exchange); }

static void half_close(struct drive* drive, uint16_t family) {
  struct drive_socket *client, *server;
  local_pair(drive, family, &client, &server);
  if (family == IOCP_PIPE) {
    check_is(iocp_shutdown(drive->port, client->id), -IOCP_ENOTSUP);
    return;
  }
  drive_sink(server, 9, 50000);
  drive_pump(client, 9, 1 << 20, 100000);
  drive_until(drive, client->sent == 1 << 20 && !client->send_pending);
  drive_shutdown(client);
  drive_until(drive,
              server->end_result != DRIVE_NOTHING &&
                  client->shut_result != DRIVE_NOTHING);
  check_is(client->shut_result, 0);
  check_is(server->end_result, 0);
  check_is(server->received, 1 << 20);
  check_is(iocp_send(drive->port, client->id, "x", 0, 1), -IOCP_EPIPE);
  /* The other direction still works. */
  drive_sink(client, 7, 50000);
  drive_pump(server, 7, 1 << 20, 100000);
  drive_until(drive, client->received == 1 << 20);
  drive_close_now(server);
  drive_until(drive, client->end_result != DRIVE_NOTHING);
  check_is(client->end_result, 0);
}

static void ends_of_one_direction(void) { local_each_family(half_close); }

/* iocp_read() finds what came before it, and the end. */
static void read_directly(struct drive* drive, uint16_t family) {
  struct drive_socket *client, *server;
  uint8_t bytes[100];
  local_pair(drive, family, &client, &server);
  check_is(drive_read(server, bytes, sizeof bytes), IOCP_PENDING);
  check_is(drive_send(client, "hello", 5), 5);
  drive_until(drive, server->read_result != DRIVE_NOTHING);
  check_is(server->read_result, 0);
  check_is(drive_read(server, bytes, sizeof bytes), 5);
  check(memcmp(bytes, "hello", 5) == 0);
  drive_close(client, IOCP_GRACEFUL, 1000);
  /* A pipe, which has no half-close, may be closed already. */
  if (drive_read(server, bytes, sizeof bytes) != 0) {
    drive_until(drive, !server->read_pending);
    check_is(drive_read(server, bytes, sizeof bytes), 0);
  }
  drive_until(drive, client->is_closed || (drive_poll(drive), true));
}

static void reads_without_the_slab(void) { local_each_family(read_directly); }

/* What a side has sent arrives even if it closes at once. */
static void close_early(struct drive* drive, uint16_t family) {
  struct drive_socket *client, *server;
  local_pair(drive, family, &client, &server);
  drive_fill(server, 7);
  drive_close(server, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_for(drive, 20);
  drive_sink(client, 7, 100000);
  drive_until(drive, client->end_result != DRIVE_NOTHING);
  check_is(client->end_result, 0);
  check_is(client->received, server->sent);
  drive_close(client, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_until(drive, server->is_closed);
}

static void close_loses_no_byte(void) { local_each_family(close_early); }

/* A close that waits for a peer that receives nothing ends at its timeout. */
static void close_stuck(struct drive* drive, uint16_t family) {
  struct drive_socket *client, *server;
  local_pair(drive, family, &client, &server);
  drive_fill(server, 7);
  server->may_time_out = true;
  uint64_t start_ms = host_now_ms();
  drive_close(server, IOCP_GRACEFUL, 200);
  drive_until(drive, server->is_closed);
  check_is(server->close_result, -IOCP_ETIMEDOUT);
  check(host_now_ms() - start_ms >= 200);
}

static void close_without_progress(void) { local_each_family(close_stuck); }

/* While the peer receives, even slowly, the timeout does not pass. */
static void close_slowly(struct drive* drive, uint16_t family) {
  struct drive_socket *client, *server;
  local_pair(drive, family, &client, &server);
  if (family != IOCP_UNIX) return;
  drive_fill(server, 7);
  uint64_t goal = server->sent;
  client->receive_seed = 7;
  drive_close(server, IOCP_GRACEFUL, 300);
  uint64_t start_ms = host_now_ms();
  uint64_t given = 0;
  /* The system signals room only when three quarters of its buffer are free, so
   * for longer than the timeout no copy is sent. */
  while (given + 16384 < goal) {
    drive_receive(client, 16384);
    given += 16384;
    drive_for(drive, 60);
  }
  check(host_now_ms() - start_ms > 900);
  check(!server->is_closed || server->close_result == 0);
  drive_sink(client, 7, 1 << 20);
  drive_until(drive, client->end_result != DRIVE_NOTHING);
  check_is(client->end_result, 0);
  check_is(client->received, goal);
  drive_close(client, IOCP_GRACEFUL, 1000);
  drive_until(drive, server->is_closed);
  check_is(server->close_result, 0);
}

static void close_with_progress(void) { local_each_family(close_slowly); }

/* ---- names and processes */

static void names(struct drive* drive, uint16_t family) {
  struct iocp_path name = local_name(family);
  struct drive_socket* listener = local_listen(drive, &name);
  struct iocp_path seen = name_of(listener, IOCP_LOCAL);
  check(same_name(&seen, &name));
  check_is(iocp_get_address(
               drive->port, listener->id, IOCP_PEER, &seen, sizeof seen),
           -IOCP_ENOTCONN);
  drive_accept(listener, 1);
  struct drive_socket* client = local_connect(drive, &name);
  seen = name_of(client, IOCP_PEER);
  check(same_name(&seen, &name));
  drive_until(drive,
              client->connect_result != DRIVE_NOTHING &&
                  listener->accepted_first != NULL);
  struct drive_socket* server = drive_next_accepted(listener);
  drive_close_now(listener);
  /* The names stay when the listener is gone. */
  seen = name_of(client, IOCP_PEER);
  check(same_name(&seen, &name));
  seen = name_of(server, IOCP_LOCAL);
  check(same_name(&seen, &name));
  if (family == IOCP_UNIX) {
    check_is(name_of(client, IOCP_LOCAL).length, 0);
    check_is(name_of(server, IOCP_PEER).length, 0);
    check_is(name_of(server, IOCP_PEER).family, IOCP_UNIX);
  }
  /* As many bytes as are needed, at any alignment. */
  uint8_t bytes[sizeof seen + 1];
  uint32_t size = 4u + name.length;
  int32_t port = drive->port;
  check_is(iocp_get_address(port, server->id, IOCP_LOCAL, bytes + 1, size),
           size);
  check(memcmp(bytes + 1, &name, size) == 0);
  check_is(iocp_get_address(port, server->id, IOCP_LOCAL, bytes, size - 1),
           -IOCP_EINVAL);
  check_is(iocp_get_address(port, server->id, IOCP_LOCAL, bytes, 0),
           -IOCP_EINVAL);
}

static void names_of_both_ends(void) { local_each_family(names); }

static void peers(struct drive* drive, uint16_t family) {
  struct drive_socket* ends[2];
  struct iocp_peer peer;
  local_pair(drive, family, &ends[0], &ends[1]);
  for (int i = 0; i < 2; i++) {
    memset(&peer, 0xa5, sizeof peer);
    check_is(iocp_get_peer(drive->port, ends[i]->id, &peer), 0);
    check_is(peer.pid, local_process());
    check_is(peer.uid, local_user());
    check_is(iocp_get_peer(drive->port, ends[i]->id, NULL), -IOCP_EFAULT);
  }
  struct iocp_path name = local_name(family);
  struct drive_socket* listener = local_listen(drive, &name);
  check_is(iocp_get_peer(drive->port, listener->id, &peer), -IOCP_ENOTCONN);
  /* After the peer has closed. */
  drive_close_now(ends[1]);
  if (family == IOCP_UNIX)
    check_is(iocp_get_peer(drive->port, ends[0]->id, &peer), 0);
}

static void process_of_the_peer(void) {
  local_each_family(peers);
  struct drive drive;
  struct drive_socket *client, *server;
  struct iocp_peer peer;
  drive_open(&drive);
  drive_pair(&drive, &client, &server);
  check_is(iocp_get_peer(drive.port, client->id, &peer), -IOCP_ENOTSUP);
  drive_finish(&drive);
}

/* ---- ids, detaching and adopting */

static void stale(struct drive* drive, uint16_t family) {
  struct drive_socket *client, *server;
  local_pair(drive, family, &client, &server);
  int32_t id = client->id;
  drive_close_now(client);
  every_socket_call(drive->port, id, -IOCP_EBADF);
  struct iocp_path name = local_name(family);
  struct drive_socket* listener = local_listen(drive, &name);
  id = listener->id;
  drive_close_now(listener);
  every_socket_call(drive->port, id, -IOCP_EBADF);
}

static void ids_are_stale_after_the_close(void) { local_each_family(stale); }

static void move(struct drive* drive, uint16_t family) {
  struct drive_socket *client, *server;
  struct drive other;
  struct iocp_path name;
  drive_open(&other);
  local_pair(drive, family, &client, &server);
  drive_sink(server, 9, 1 << 20);
  drive_pump(client, 9, 3000, 1000);
  drive_send(server, "unread", 6);
  drive_detach(client, 1000);
  drive_until(drive, client->is_closed);
  check_is(client->close_result, 0);
  struct drive_socket* moved = drive_add(
      &other,
      iocp_add_socket(other.port, (double)client->handle, IOCP_DETACHED));
  name = name_of(moved, IOCP_PEER);
  check_is(name.family, family);
  check(name.length > 4);
  drive_receive(moved, 100);
  drive_until(&other, (drive_poll(drive), moved->received == 6));
  moved->send_seed = 9;
  moved->sent = 3000;
  drive_pump(moved, 9, 1 << 20, 50000);
  drive_until(drive, (drive_poll(&other), server->received == 1 << 20));
  drive_finish(&other);
  drive_until(drive, server->end_result != DRIVE_NOTHING);
  check_is(server->end_result, 0);
}

static void detaches_and_adopts(void) { local_each_family(move); }

/* ---- wrong arguments, the same on every system */

static void wrong_arguments(void) {
  struct drive drive;
  local_folder_make();
  drive_open(&drive);
  int32_t port = drive.port;
  struct iocp_path good = local_name(IOCP_UNIX);
  struct iocp_path pipe = local_name(IOCP_PIPE);
  struct iocp_path path = good;
  struct iocp_address address = raw_address("127.0.0.1", 1);
  check_is(iocp_listen_path(port, NULL, 1, 0, MODE, NULL, 0), -IOCP_EFAULT);
  check_is(iocp_listen_path(port, &good, 1, 0, MODE, NULL, 1), -IOCP_EFAULT);
  for (uint32_t bit = 0; bit < 32; bit++) {
    uint32_t flag = 1u << bit;
    if (flag == IOCP_REPLACE_STALE || flag == IOCP_EVERYONE) continue;
    check_is(iocp_listen_path(port, &good, 1, flag, MODE, NULL, 0),
             -IOCP_EINVAL);
  }
  check_is(iocp_listen_path(port, &good, 1, IOCP_EVERYONE, MODE, NULL, 0),
           -IOCP_EINVAL);
  check_is(iocp_listen_path(port, &good, 1, 0, 01000, NULL, 0), -IOCP_EINVAL);
  check_is(iocp_listen_path(port, &good, 1, 0, MODE, "D:", 2), -IOCP_EINVAL);
  check_is(iocp_listen_path(port, &pipe, 1, IOCP_REPLACE_STALE, MODE, NULL, 0),
           -IOCP_EINVAL);
  check_is(iocp_listen_path(port, &pipe, 1, 0, 0600, NULL, 0), -IOCP_EINVAL);
  check_is(iocp_listen_path(port, &address, 1, 0, MODE, NULL, 0),
           -IOCP_EAFNOSUPPORT);
  check_is(iocp_listen(port, &good, 1, 0), -IOCP_EAFNOSUPPORT);
  check_is(iocp_connect(port, &good, &address), -IOCP_EINVAL);
  check_is(iocp_connect(port, &good, &good), -IOCP_EINVAL);
  check_is(iocp_connect(port, &address, &good), -IOCP_EAFNOSUPPORT);
  path.length = 0;
  check_is(iocp_listen_path(port, &path, 1, 0, MODE, NULL, 0), -IOCP_EINVAL);
  check_is(iocp_connect(port, &path, NULL), -IOCP_EINVAL);
  path = good;
  path.bytes[path.length - 1] = 0;
  check_is(iocp_listen_path(port, &path, 1, 0, MODE, NULL, 0), -IOCP_EINVAL);
  check_is(iocp_connect(port, &path, NULL), -IOCP_EINVAL);
  for (uint32_t length = 1000; length <= UINT16_MAX; length += 20) {
    memset(&path.bytes, 'x', sizeof path.bytes);
    path.length = (uint16_t)length;
    check_is(iocp_listen_path(port, &path, 1, 0, MODE, NULL, 0),
             -IOCP_ENAMETOOLONG);
    check_is(iocp_connect(port, &path, NULL), -IOCP_ENAMETOOLONG);
  }
  check_is(drive_poll(&drive), 0);
  check_is(drive.header.sockets, 0);
  drive_finish(&drive);
  local_folder_remove();
}

static void unsupported_families(void) {
  static const uint16_t families[] = {IOCP_UNIX, IOCP_PIPE};
  struct drive drive;
  int count = 0;
  local_folder_make();
  drive_open(&drive);
  for (int i = 0; i < 2; i++) {
    struct iocp_path name = local_name(families[i]);
    if (local_has(families[i])) continue;
    check_is(iocp_connect(drive.port, &name, NULL), -IOCP_ENOTSUP);
    count++;
  }
  drive_finish(&drive);
  local_folder_remove();
  if (count == 0) test_skip("this system has both families");
}

TEST_MAIN(TEST_CASE(exchanges_both_ways),
          TEST_CASE(ends_of_one_direction),
          TEST_CASE(reads_without_the_slab),
          TEST_CASE(close_loses_no_byte),
          TEST_CASE(close_without_progress),
          TEST_CASE(close_with_progress),
          TEST_CASE(names_of_both_ends),
          TEST_CASE(process_of_the_peer),
          TEST_CASE(ids_are_stale_after_the_close),
          TEST_CASE(detaches_and_adopts),
          TEST_CASE(wrong_arguments),
          TEST_CASE(unsupported_families))
