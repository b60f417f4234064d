/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets on Linux with plain sockets as peers: abstract names, a full
 * backlog, peers that pass descriptors, that reset or that have shut down, and
 * sockets that are adopted.
 *
 * It is hard because these sockets look like those of TCP and differ in
 * details: no event tells when a backlog has room, a receive may end before the
 * data does, and there is no reset.
 */
#include "shared/test.h"

#if defined(_WIN32)

static void plain_peers(void) {
  test_skip("its plain sockets are those of Linux");
}

TEST_MAIN(TEST_CASE(plain_peers))

#else

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "iocp.h"
#include "shared/calls.h"
#include "shared/drive.h"
#include "shared/local.h"
#include "shared/pattern.h"
#include "shared/raw.h"

#define MODE IOCP_MODE_DEFAULT

static void raw_open_pair(host_socket* ours_out, host_socket* theirs_out) {
  int ends[2];
  check_is(
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
      0);
  *ours_out = ends[0];
  *theirs_out = ends[1];
}

static struct drive_socket* adopt(struct drive* drive, host_socket raw) {
  return drive_add(drive, iocp_add_socket(drive->port, (double)raw, 0));
}

static struct drive_socket* adopt_pair(struct drive* drive,
                                       host_socket* theirs_out) {
  host_socket ours;
  raw_open_pair(&ours, theirs_out);
  return adopt(drive, ours);
}

/* ---- abstract names */

static struct iocp_path abstract_name(uint16_t length) {
  struct iocp_path name = {.family = IOCP_UNIX, .length = length};
  char text[64];
  int count = snprintf(text, sizeof text, "%ciocp-test-%u", 0, local_process());
  check(count < length);
  /* Zero bytes are part of such a name. */
  memcpy(name.bytes, text, (size_t)count);
  return name;
}

static void abstract_names(void) {
  struct drive drive;
  drive_open(&drive);
  for (uint16_t length = 40; length <= 108; length += 4) {
    struct iocp_path name = abstract_name(length);
    struct iocp_path other = abstract_name((uint16_t)(length - 1));
    struct iocp_path seen;
    struct drive_socket* listener = local_listen(&drive, &name);
    drive_accept(listener, 2);
    check_is(iocp_listen_path(drive.port, &name, 1, 0, MODE, NULL, 0),
             -IOCP_EADDRINUSE);
    /* Its socket lives, or the name would be free. */
    check_is(iocp_listen_path(
                 drive.port, &name, 1, IOCP_REPLACE_STALE, MODE, NULL, 0),
             -IOCP_EADDRINUSE);
    /* An abstract name has no permissions. */
    check_is(iocp_listen_path(drive.port, &name, 1, 0, 0600, NULL, 0),
             -IOCP_EINVAL);
    struct drive_socket* refused = local_connect(&drive, &other);
    struct drive_socket* client = local_connect(&drive, &name);
    drive_until(&drive,
                refused->connect_result != DRIVE_NOTHING &&
                    listener->accepted_first != NULL);
    check_is(refused->connect_result, -IOCP_ECONNREFUSED);
    check_is(client->connect_result, 0);
    struct drive_socket* server = drive_next_accepted(listener);
    check_is(
        iocp_get_address(drive.port, client->id, IOCP_PEER, &seen, sizeof seen),
        4 + length);
    check(memcmp(&seen, &name, 4u + length) == 0);
    check_is(iocp_get_address(
                 drive.port, server->id, IOCP_LOCAL, &seen, sizeof seen),
             4 + length);
    check(memcmp(&seen, &name, 4u + length) == 0);
    drive_sink(server, 9, 1000);
    drive_pump(client, 9, 5000, 5000);
    drive_until(&drive, server->received == 5000);
    drive_close(client, IOCP_RESET, 0);
    drive_close_now(refused);
    drive_close_now(listener);
  }
  struct iocp_path name = abstract_name(109);
  check_is(iocp_listen_path(drive.port, &name, 1, 0, MODE, NULL, 0),
           -IOCP_ENAMETOOLONG);
  check_is(iocp_connect(drive.port, &name, NULL), -IOCP_ENAMETOOLONG);
  drive_finish(&drive);
}

/* ---- a full backlog */

#define CLIENTS 1000

static void many_connects_to_a_small_backlog(void) {
  static struct drive_socket* clients[CLIENTS];
  struct drive drive;
  struct drive_socket *left, *right;
  local_folder_make();
  drive_open(&drive);
  struct iocp_path name = local_name(IOCP_UNIX);
  int32_t id = iocp_listen_path(drive.port, &name, 8, 0, MODE, NULL, 0);
  struct drive_socket* listener = drive_add(&drive, id);
  listener->is_listener = true;
  drive_pair(&drive, &left, &right);
  uint64_t start_ms = host_now_ms();
  for (int i = 0; i < CLIENTS; i++) clients[i] = local_connect(&drive, &name);
  /* No call has waited. */
  check(host_now_ms() - start_ms < 2000);
  drive_for(&drive, 100);
  int done = 0;
  for (int i = 0; i < CLIENTS; i++)
    done += clients[i]->connect_result != DRIVE_NOTHING;
  /* The system holds one more than the backlog. */
  check_is(done, 9);
  check_is(drive.header.timeout_ms >= 0 && drive.header.timeout_ms <= 100, 1);
  /* A socket that waits has a name, no peer, and can be closed. */
  struct iocp_path seen;
  struct drive_socket* waiting = clients[CLIENTS - 1];
  check_is(
      iocp_get_address(drive.port, waiting->id, IOCP_PEER, &seen, sizeof seen),
      4 + name.length);
  check(memcmp(&seen, &name, 4u + name.length) == 0);
  check_is(iocp_get_peer(drive.port, waiting->id, &seen), -IOCP_ENOTCONN);
  check_is(iocp_send(drive.port, waiting->id, "x", 0, 1), -IOCP_ENOTCONN);
  drive_close(waiting, IOCP_GRACEFUL, 1000);
  drive_until(&drive, waiting->is_closed);
  check_is(waiting->connect_result, -IOCP_ECANCELED);
  /* Others are served meanwhile. */
  drive_sink(right, 9, 50000);
  drive_pump(left, 9, 1 << 20, 50000);
  drive_until(&drive, right->received == 1 << 20);
  drive_accept(listener, 16);
  for (int i = 0; i < CLIENTS - 1; i++) {
    drive_until(&drive, clients[i]->connect_result != DRIVE_NOTHING);
    check_is(clients[i]->connect_result, 0);
  }
  drive_until(&drive, listener->accepted_count == CLIENTS - 1);
  for (int i = 0; i < CLIENTS - 1; i++) drive_close(clients[i], IOCP_RESET, 0);
  drive_finish(&drive);
  local_folder_remove();
}

/* The listener ends while sockets wait for it: those that were in its backlog
 * are reset, and the others are refused. */
static void listener_ends_meanwhile(void) {
  struct drive_socket* clients[20];
  struct drive drive;
  local_folder_make();
  drive_open(&drive);
  struct iocp_path name = local_name(IOCP_UNIX);
  int32_t id = iocp_listen_path(drive.port, &name, 4, 0, MODE, NULL, 0);
  struct drive_socket* listener = drive_add(&drive, id);
  listener->is_listener = true;
  for (int i = 0; i < 20; i++) clients[i] = local_connect(&drive, &name);
  drive_for(&drive, 50);
  drive_close_now(listener);
  for (int i = 0; i < 20; i++) {
    struct drive_socket* client = clients[i];
    drive_until(&drive, client->connect_result != DRIVE_NOTHING);
    if (i >= 5) {
      check_is(client->connect_result, -IOCP_ENOENT);
      check(client->last_detail != 0);
      check_is(iocp_send(drive.port, client->id, "x", 0, 1), -IOCP_ENOTCONN);
      struct iocp_path seen;
      check_is(iocp_get_address(
                   drive.port, client->id, IOCP_LOCAL, &seen, sizeof seen),
               4);
      check_is(iocp_get_address(
                   drive.port, client->id, IOCP_PEER, &seen, sizeof seen),
               4 + name.length);
      drive_close_now(client);
      continue;
    }
    check_is(client->connect_result, 0);
    drive_receive(client, 1);
    drive_until(&drive, client->end_result != DRIVE_NOTHING);
    check_is(client->end_result, -IOCP_ECONNRESET);
  }
  drive_finish(&drive);
  local_folder_remove();
}

/* ---- peers that pass descriptors */

static void send_with_descriptor(host_socket raw,
                                 const void* bytes,
                                 size_t length) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec part = {.iov_base = (void*)bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  memset(&control, 0, sizeof control);
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  int passed = 0;
  memcpy(CMSG_DATA(header), &passed, sizeof passed);
  check_is(sendmsg((int)raw, &message, 0), length);
}

/* A receive ends behind a descriptor, without an edge for what follows. The
 * descriptors are dropped; a leak is found at the end of the case. */
static void descriptors_do_not_hold_data_back(void) {
  struct drive drive;
  host_socket theirs;
  drive_open(&drive);
  struct drive_socket* socket = adopt_pair(&drive, &theirs);
  uint8_t bytes[1000];
  uint64_t position = 0;
  for (int round = 0; round < 50; round++) {
    for (int i = 0; i < 6; i++) {
      pattern_fill(bytes, 100, 7, position);
      if (i % 3 == 0)
        check_is(raw_send(theirs, bytes, 100), 100);
      else
        send_with_descriptor(theirs, bytes, 100);
      position += 100;
    }
    if (round == 0) drive_sink(socket, 7, 100000);
    drive_until(&drive, socket->received == position);
  }
  raw_close(theirs);
  drive_until(&drive, socket->end_result == 0);
  drive_finish(&drive);
}

/* The same with iocp_read(), and with credentials in place of descriptors. */
static void credentials_do_not_hold_data_back(void) {
  struct drive drive;
  host_socket ours, theirs;
  uint8_t bytes[1000];
  int on = 1;
  drive_open(&drive);
  raw_open_pair(&ours, &theirs);
  check_is(setsockopt((int)ours, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
  struct drive_socket* socket = adopt(&drive, ours);
  socket->receive_seed = 7;
  pattern_fill(bytes, 300, 7, 0);
  check_is(raw_send(theirs, bytes, 100), 100);
  send_with_descriptor(theirs, bytes + 100, 100);
  check_is(raw_send(theirs, bytes + 200, 100), 100);
  while (socket->received < 300) {
    if (drive_read(socket, bytes, sizeof bytes) != IOCP_PENDING) continue;
    socket->read_result = DRIVE_NOTHING;
    drive_until(&drive, socket->read_result == 0);
  }
  raw_close(theirs);
  drive_finish(&drive);
}

/* ---- resets and ends */

/* IOCP_RESET: the peer sees a reset only if it has sent what was not read. */
static void reset_of_this_side(void) {
  struct drive drive;
  host_socket theirs;
  char byte;
  drive_open(&drive);
  struct drive_socket* socket = adopt_pair(&drive, &theirs);
  drive_close(socket, IOCP_RESET, 0);
  drive_until(&drive, socket->is_closed);
  check_is(socket->close_result, 0);
  check_is(raw_receive(theirs, &byte, 1), 0);
  raw_close(theirs);
  socket = adopt_pair(&drive, &theirs);
  check_is(raw_send(theirs, "x", 1), 1);
  drive_send(socket, "y", 1);
  drive_close(socket, IOCP_RESET, 0);
  drive_until(&drive, socket->is_closed);
  /* What was sent before arrives all the same. */
  check_is(raw_receive(theirs, &byte, 1), 1);
  check_is(raw_receive(theirs, &byte, 1), -IOCP_ECONNRESET);
  raw_close(theirs);
  /* A graceful close discards it, so that the peer sees an end. */
  socket = adopt_pair(&drive, &theirs);
  check_is(raw_send(theirs, "x", 1), 1);
  drive_close(socket, IOCP_GRACEFUL, 100);
  drive_until(&drive, raw_receive(theirs, &byte, 1) == 0);
  raw_close(theirs);
  drive_until(&drive, socket->is_closed);
  drive_finish(&drive);
}

static void reset_of_the_peer(void) {
  struct drive drive;
  host_socket theirs;
  drive_open(&drive);
  for (int i = 0; i < 2; i++) {
    struct drive_socket* socket = adopt_pair(&drive, &theirs);
    drive_send(socket, "unread", 6);
    check_is(raw_send(theirs, "last", 4), 4);
    raw_close(theirs);
    /* A send finds out first, in every second round. */
    if (i == 1)
      check_is(iocp_send(drive.port, socket->id, "x", 0, 1), -IOCP_ECONNRESET);
    drive_receive(socket, 100);
    drive_until(&drive, socket->end_result != DRIVE_NOTHING);
    /* What came before arrives, and a reset is not an end. */
    check_is(socket->received, 4);
    check_is(socket->end_result, -IOCP_ECONNRESET);
    drive_close_now(socket);
  }
  /* The peer has read everything, so it is an end. */
  struct drive_socket* socket = adopt_pair(&drive, &theirs);
  raw_close(theirs);
  drive_receive(socket, 100);
  drive_until(&drive, socket->end_result != DRIVE_NOTHING);
  check_is(socket->end_result, 0);
  check_is(iocp_send(drive.port, socket->id, "x", 0, 1), -IOCP_ECONNRESET);
  drive_close(socket, IOCP_GRACEFUL, 1000);
  drive_until(&drive, socket->is_closed);
  drive_finish(&drive);
}

/* A send after a shutdown that the library did not make. */
static void shut_before_the_adoption(void) {
  struct drive drive;
  host_socket ours, theirs;
  drive_open(&drive);
  raw_open_pair(&ours, &theirs);
  raw_shutdown(ours);
  struct drive_socket* socket = adopt(&drive, ours);
  check_is(iocp_send(drive.port, socket->id, "x", 0, 1), -IOCP_EPIPE);
  check_is(raw_send(theirs, "hello", 5), 5);
  drive_receive(socket, 100);
  drive_until(&drive, socket->received == 5);
  raw_close(theirs);
  drive_until(&drive, socket->end_result != DRIVE_NOTHING);
  drive_finish(&drive);
}

/* ---- sending */

/* Room is reported only to a socket that waits for it, and then always. */
static void send_copies_go_out(void) {
  struct drive drive;
  host_socket theirs;
  drive_open(&drive);
  struct drive_socket* socket = adopt_pair(&drive, &theirs);
  for (int round = 0; round < 5; round++) {
    uint64_t before = socket->sent;
    drive_fill(socket, 7);
    drive_raw_expect(&drive, theirs, 7, before, socket->sent - before);
    drive_until(&drive, !socket->send_pending);
    check_is(socket->send_result > 0, 1);
  }
  raw_close(theirs);
  drive_finish(&drive);
}

/* A peer that receives what was sent does not end a wait of this side. */
static void peers_receive_silently(void) {
  struct drive drive;
  host_socket theirs;
  uint8_t bytes[100];
  drive_open(&drive);
  struct drive_socket* socket = adopt_pair(&drive, &theirs);
  drive_receive(socket, 100);
  drive_drain(&drive);
  for (int i = 0; i < 20; i++) {
    drive_send(socket, "hello", 5);
    check_is(raw_receive(theirs, bytes, sizeof bytes), 5);
    check_is(iocp_wait(drive.port, 5), 0);
  }
  raw_close(theirs);
  drive_finish(&drive);
}

/* ---- adopting */

static void refuses_other_sockets(void) {
  struct drive drive;
  int ends[2];
  local_folder_make();
  drive_open(&drive);
  static const int types[] = {SOCK_DGRAM, SOCK_SEQPACKET};
  for (int i = 0; i < 2; i++) {
    check_is(socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, ends), 0);
    check_is(iocp_add_socket(drive.port, ends[0], 0), -IOCP_ENOTCONN);
    close(ends[0]);
    close(ends[1]);
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check_is(iocp_add_socket(drive.port, fd, 0), -IOCP_ENOTCONN);
  close(fd);
  /* One that is on a port, and an end of the same pair on another. */
  host_socket ours, theirs;
  raw_open_pair(&ours, &theirs);
  adopt(&drive, ours);
  check_is(iocp_add_socket(drive.port, (double)ours, 0), -IOCP_EEXIST);
  adopt(&drive, theirs);
  drive_finish(&drive);
  local_folder_remove();
}

/* ---- the callback API */

static void callbacks(void) {
  struct iocp_callbacks* pool = calls_new(2);
  struct calls calls = {.size_max = 100, .seed = 7};
  host_socket theirs;
  uint8_t bytes[5000];
  raw_open_pair(&calls.socket, &theirs);
  pattern_fill(bytes, sizeof bytes, 7, 0);
  calls_add(&calls, pool);
  calls_send(theirs, bytes, sizeof bytes);
  raw_close(theirs);
  calls_wait_last(&calls, IOCP_CALLBACK_END, 0);
  check_is(calls.position, sizeof bytes);
  raw_close(calls.socket);
  check_is(iocp_callbacks_delete(pool), 0);
}

TEST_MAIN(TEST_CASE(abstract_names),
          TEST_CASE(many_connects_to_a_small_backlog),
          TEST_CASE(listener_ends_meanwhile),
          TEST_CASE(descriptors_do_not_hold_data_back),
          TEST_CASE(credentials_do_not_hold_data_back),
          TEST_CASE(reset_of_this_side),
          TEST_CASE(reset_of_the_peer),
          TEST_CASE(shut_before_the_adoption),
          TEST_CASE(send_copies_go_out),
          TEST_CASE(peers_receive_silently),
          TEST_CASE(refuses_other_sockets),
          TEST_CASE(callbacks))

#endif
