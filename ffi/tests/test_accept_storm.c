/* SPDX-License-Identifier: MIT */
/*
 * Hundreds of connections arrive at once, and each is reported once, whatever
 * the number of posted accepts.
 *
 * It is hard because there are fewer accepts than connections: after each
 * connection another accept must be posted at once, and on Linux one edge
 * stands for many connections. A count that is off by one loses a connection.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define STORM 500

/* Finds the client of a server by its port. */
static unsigned storm_client_of(struct drive* drive,
                                const struct drive_socket* server,
                                const uint16_t* ports) {
  struct iocp_address peer;
  unsigned client = 0;
  check_is(iocp_get_address(drive->port,
                            server->id,
                            IOCP_PEER,
                            &peer,
                            sizeof(struct iocp_address)),
           sizeof(struct iocp_address));
  while (client < STORM && ports[client] != peer.port) client++;
  check(client < STORM);
  return client;
}

/* Each connection has a pattern of its own, which shows that its ends belong
 * together and that none is reported twice. */
static void storm_check(struct drive* drive,
                        struct drive_socket* listener,
                        struct drive_socket** clients) {
  static struct drive_socket* servers[STORM];
  static uint16_t ports[STORM];
  for (unsigned i = 0; i < STORM; i++) {
    struct iocp_address address;
    drive_until(drive, clients[i]->connect_result != DRIVE_NOTHING);
    check_is(clients[i]->connect_result, 0);
    check_is(iocp_get_address(drive->port,
                              clients[i]->id,
                              IOCP_LOCAL,
                              &address,
                              sizeof(struct iocp_address)),
             sizeof(struct iocp_address));
    ports[i] = address.port;
    drive_pump(clients[i], 1000 + i, 100, 100);
    drive_sink(clients[i], 5000 + i, 100);
  }
  drive_until(drive, listener->accepted_count == STORM);
  for (unsigned i = 0; i < STORM; i++) {
    servers[i] = drive_next_accepted(listener);
    unsigned client = storm_client_of(drive, servers[i], ports);
    drive_sink(servers[i], 1000 + client, 100);
    drive_pump(servers[i], 5000 + client, 100, 100);
  }
  for (unsigned i = 0; i < STORM; i++)
    drive_until(drive,
                clients[i]->received == 100 && servers[i]->received == 100);
}

static void storm(uint32_t accept_count, uint32_t capacity) {
  static struct drive_socket* clients[STORM];
  struct drive drive;
  struct iocp_address address;
  drive_open_sized(&drive, capacity, 1 << 20);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, accept_count);
  for (int i = 0; i < STORM; i++) clients[i] = drive_connect(&drive, &address);
  storm_check(&drive, listener, clients);
  check_is(listener->accept_error_count, 0);
  drive_for(&drive, 20);
  check_is(listener->accepted_count, STORM);
  drive_finish(&drive);
}

static void one_accept_at_a_time(void) { storm(1, 256); }

static void thirty_two_accepts(void) { storm(32, 256); }

static void all_accepts(void) { storm(IOCP_ACCEPT_MAX, 4096); }

static void one_record_at_a_time(void) { storm(32, 1); }

/* A count of 0 stops accepting, and a later count resumes, without a loss. */
static void accepting_stops_and_resumes(void) {
  enum { PEERS = 40 };
  struct drive drive;
  struct iocp_address address;
  host_socket raws[PEERS];
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  /* Nothing is accepted before it is requested. */
  for (int i = 0; i < 5; i++) raws[i] = raw_connect(&address);
  drive_for(&drive, 50);
  check_is(listener->accepted_count, 0);
  drive_accept(listener, 4);
  drive_until(&drive, listener->accepted_count == 5);
  drive_accept(listener, 0);
  for (int i = 5; i < PEERS; i++) raws[i] = raw_connect(&address);
  drive_for(&drive, 100);
  /* Accepts that were posted before may still complete. */
  check(listener->accepted_count <= 5 + 4);
  uint32_t stopped_at = listener->accepted_count;
  drive_for(&drive, 50);
  check_is(listener->accepted_count, stopped_at);
  drive_accept(listener, 2);
  drive_until(&drive, listener->accepted_count == PEERS);
  for (int i = 0; i < PEERS; i++) raw_close(raws[i]);
  drive_finish(&drive);
}

/* The count goes up and down while connections arrive. */
static void count_keeps_changing(void) {
  static const uint32_t counts[] = {1, 7, 0, 64, 2, 0, 1024, 3};
  struct drive drive;
  struct iocp_address address;
  host_socket raws[400];
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  for (int i = 0; i < 400; i++) {
    drive_accept(listener, counts[i % 8]);
    raws[i] = raw_connect(&address);
    if (i % 3 == 0) drive_poll(&drive);
    if (i % 4 == 0) drive_accept(listener, counts[i / 4 % 8]);
  }
  drive_accept(listener, 5);
  drive_until(&drive, listener->accepted_count == 400);
  drive_for(&drive, 20);
  check_is(listener->accepted_count, 400);
  for (int i = 0; i < 400; i++) raw_close(raws[i]);
  drive_finish(&drive);
}

/* Peers that connect and reset at once do no harm. */
static void peers_that_reset_at_once(void) {
  struct drive drive;
  struct iocp_address address;
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 3);
  for (int i = 0; i < 200; i++) {
    host_socket raw = raw_connect(&address);
    if (i % 2 == 0)
      raw_reset(raw);
    else
      raw_close(raw);
    if (i % 10 == 0) drive_poll(&drive);
  }
  host_socket raw = raw_connect(&address);
  check_is(raw_send(raw, "x", 1), 1);
  /* One of the accepted connections is that of the last peer, and works. */
  bool was_found = false;
  uint64_t until_ms = host_now_ms() + DRIVE_DEADLINE_MS;
  while (!was_found) {
    struct drive_socket* socket;
    drive_for(&drive, 1);
    while ((socket = drive_next_accepted(listener)) != NULL) {
      drive_receive(socket, 10);
      drive_until(&drive,
                  socket->received != 0 || socket->end_result != DRIVE_NOTHING);
      if (socket->received != 0) was_found = true;
    }
    check(host_now_ms() < until_ms);
  }
  check_is(listener->accept_error_count, 0);
  raw_close(raw);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(one_accept_at_a_time),
          TEST_CASE(thirty_two_accepts),
          TEST_CASE(all_accepts),
          TEST_CASE(one_record_at_a_time),
          TEST_CASE(accepting_stops_and_resumes),
          TEST_CASE(count_keeps_changing),
          TEST_CASE(peers_that_reset_at_once))
