/* SPDX-License-Identifier: MIT */
/*
 * Random calls on many sockets, from fixed seeds that are printed: each
 * operation completes once, each stream is a prefix of what was sent (all of it
 * after a clean end), and nothing is leaked.
 *
 * It is hard because the states of a socket multiply: a close may coincide with
 * a pending send, a pending shutdown, a receive whose data has just arrived and
 * a reset by the peer, in any order. The driver checks what must not happen.
 */
#include <stdio.h>
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define STREAMS_MAX 60
#define TURNS 6000
#define CONNECTIONS_MAX 65536

struct churn {
  struct drive drive;
  struct drive_socket* listener;
  struct iocp_address address;
  struct iocp_address dead;
  struct drive_socket* sockets[STREAMS_MAX];
  uint32_t count;
  uint64_t random;
  uint64_t whole_count; /* streams that were received up to their end */
  /* Every client has an address of its own, by which both ends find the
   * connection's number; a port is used again too soon. The streams of a
   * connection have twice its number as their seed, plus one for the server's
   * bytes. */
  uint32_t connections;
  uint64_t sent[2 * CONNECTIONS_MAX];
  uint8_t bytes[2 * IOCP_SEND_MAX];
};

static uint32_t below(struct churn* churn, uint32_t limit) {
  return pattern_random(&churn->random) % limit;
}

/* 127.1.x.y, where x and y are the number of the connection. */
static struct iocp_address address_of(uint32_t connection) {
  struct iocp_address address = raw_address("127.1.0.0", 0);
  address.bytes[2] = (uint8_t)(connection >> 8);
  address.bytes[3] = (uint8_t)connection;
  return address;
}

static void start_stream(struct churn* churn,
                         struct drive_socket* socket,
                         uint32_t connection,
                         bool is_client) {
  uint64_t seed = 2 * (uint64_t)connection;
  socket->send_seed = seed + !is_client;
  socket->receive_seed = seed + is_client;
  socket->user = churn;
}

static void start_server(struct churn* churn, struct drive_socket* socket) {
  struct iocp_address peer;
  /* The address of a closed connection may be unknown. */
  if (iocp_get_address(churn->drive.port,
                       socket->id,
                       IOCP_PEER,
                       &peer,
                       sizeof(struct iocp_address)) < 0)
    return;
  start_stream(churn, socket, peer.bytes[2] * 256u + peer.bytes[3], false);
}

/* A clean end comes after everything that was sent. */
static void check_whole(struct churn* churn, struct drive_socket* socket) {
  check_is(socket->received, churn->sent[socket->receive_seed]);
  churn->whole_count++;
}

static void churn_record(struct drive_socket* socket,
                         const struct iocp_record* record,
                         const uint8_t* bytes) {
  (void)bytes;
  if (record->kind == IOCP_RECEIVED && record->result == 0)
    check_whole(socket->user, socket);
}

static void add(struct churn* churn, struct drive_socket* socket) {
  check(churn->count < STREAMS_MAX);
  churn->sockets[churn->count++] = socket;
}

static void collect(struct churn* churn) {
  struct drive_socket* socket;
  while (churn->count < STREAMS_MAX &&
         (socket = drive_next_accepted(churn->listener)) != NULL) {
    start_server(churn, socket);
    add(churn, socket);
  }
  for (uint32_t i = 0; i < churn->count; i++) {
    socket = churn->sockets[i];
    if (!socket->is_closed) continue;
    drive_forget(socket);
    churn->sockets[i--] = churn->sockets[--churn->count];
  }
}

static bool is_usable(const struct drive_socket* socket) {
  return !socket->close_pending && socket->send_seed != 0 &&
         !socket->connect_pending && socket->connect_result >= 0;
}

static void send_some(struct churn* churn, struct drive_socket* socket) {
  uint32_t length =
      1 + below(churn, below(churn, 4) == 0 ? sizeof churn->bytes - 1 : 3000);
  pattern_fill(churn->bytes, length, socket->send_seed, socket->sent);
  int32_t result = drive_try_send(socket, churn->bytes, 0, length);
  churn->sent[socket->send_seed] = socket->sent;
  if (result >= 0) return;
  if (result == -IOCP_EBUSY) check(socket->send_pending);
  check(result == -IOCP_EBUSY || result == -IOCP_EPIPE ||
        result == -IOCP_ECONNRESET || result == -IOCP_ECONNABORTED);
}

static void receive_some(struct churn* churn, struct drive_socket* socket) {
  uint32_t length = 1 + below(churn, 1 + below(churn, 200000));
  int32_t result = iocp_receive(churn->drive.port, socket->id, length);
  if (socket->end_result != DRIVE_NOTHING)
    check_is(result, -IOCP_ESHUTDOWN);
  else if (socket->read_pending)
    check_is(result, -IOCP_EBUSY);
  else
    check_is(result, 0);
  if (result == 0) socket->credit += length;
}

static void read_some(struct churn* churn, struct drive_socket* socket) {
  uint32_t length = 1 + below(churn, 100000);
  if (socket->credit != 0 || socket->read_pending) {
    check_is(iocp_read(churn->drive.port, socket->id, churn->bytes, 0, length),
             -IOCP_EBUSY);
    return;
  }
  bool is_first = socket->end_result == DRIVE_NOTHING;
  if (drive_read(socket, churn->bytes, length) == 0 && is_first)
    check_whole(churn, socket);
}

static void shut(struct churn* churn, struct drive_socket* socket) {
  int32_t result = iocp_shutdown(churn->drive.port, socket->id);
  check(result == 0 || result == -IOCP_EPIPE);
  if (result == 0) socket->shut_pending = true;
}

static void close_some(struct churn* churn, struct drive_socket* socket) {
  uint32_t mode = below(churn, 3) == 0 ? IOCP_RESET : IOCP_GRACEFUL;
  /* Some closes have a short timeout, most a long one. */
  drive_close(socket, mode, below(churn, 4) == 0 ? below(churn, 50) : 5000);
}

static void open_some(struct churn* churn) {
  /* Leaves room for the accepted end. */
  if (churn->count + 2 > STREAMS_MAX) return;
  bool is_dead = below(churn, 12) == 0;
  uint32_t connection = ++churn->connections;
  check(connection < CONNECTIONS_MAX);
  struct iocp_address local = address_of(connection);
  struct drive_socket* socket = drive_add(
      &churn->drive,
      iocp_connect(
          churn->drive.port, is_dead ? &churn->dead : &churn->address, &local));
  socket->connect_pending = true;
  start_stream(churn, socket, connection, true);
  add(churn, socket);
  if (below(churn, 15) == 0) close_some(churn, socket);
}

static void turn(struct churn* churn) {
  uint32_t action = below(churn, 100);
  if (action < 6 || churn->count == 0) {
    open_some(churn);
    return;
  }
  struct drive_socket* socket = churn->sockets[below(churn, churn->count)];
  if (socket->close_pending) {
    if (action < 10) drive_close(socket, IOCP_RESET, 0);
  } else if (action < 10) {
    close_some(churn, socket);
  } else if (!is_usable(socket)) {
    return;
  } else if (action < 45) {
    send_some(churn, socket);
  } else if (action < 80) {
    receive_some(churn, socket);
  } else if (action < 96) {
    read_some(churn, socket);
  } else {
    shut(churn, socket);
  }
}

static void churn_with(uint64_t seed) {
  static struct churn churn;
  static const uint32_t capacities[] = {1, 2, 16, 256};
  static const uint32_t slabs[] = {IOCP_SLAB_MIN, 10000, 65536, 1 << 20};
  memset(&churn, 0, sizeof churn);
  churn.random = seed * 1000003;
  printf(" %u", (unsigned)seed);
  drive_open_sized(
      &churn.drive, capacities[below(&churn, 4)], slabs[below(&churn, 4)]);
  churn.listener = drive_listen(&churn.drive, "127.0.0.1", 0, &churn.address);
  churn.drive.on_record = churn_record;
  drive_accept(churn.listener, 1 + below(&churn, 10));
  host_socket held = raw_hold("127.0.0.1", &churn.dead);
  for (int i = 0; i < TURNS; i++) {
    turn(&churn);
    if (below(&churn, 3) == 0) drive_poll(&churn.drive);
    collect(&churn);
  }
  raw_close(held);
  /* Otherwise the run has tested too little. */
  check(churn.drive.accepted > 50);
  check(churn.whole_count > 10);
  check(churn.drive.received > 1000000);
  if (seed % 2 == 0) {
    drive_delete(&churn.drive);
    return;
  }
  drive_finish(&churn.drive);
}

static void random_calls(void) {
  printf(" seeds");
  for (uint64_t seed = 1; seed <= 12; seed++) churn_with(seed);
  printf(" ...");
}

TEST_MAIN(TEST_CASE(random_calls))
