/* SPDX-License-Identifier: MIT */
/*
 * Connect, use and close ten thousand times, with every way to end a
 * connection: the number of handles and the memory do not grow.
 *
 * It is hard because a small leak in a rare path does not show in a short run.
 * Here each round uses another path, and a leak of 64 bytes in a tenth of them
 * shows.
 */
#include <stdio.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define WARM_UP 1000
#define ROUNDS 10000
/* The heap does not return all memory to the system, so some growth is no
 * leak. */
#define GROWTH_MAX (3 << 20)

struct rounds {
  struct drive drive;
  struct drive_socket* listener;
  struct iocp_address address;
  struct iocp_address dead;
};

/* Closes both ends, in an order and a way that depend on the round. */
static void close_pair(struct rounds* rounds,
                       uint32_t round,
                       struct drive_socket* client,
                       struct drive_socket* server) {
  struct drive_socket* first = round % 2 == 0 ? client : server;
  struct drive_socket* second = round % 2 == 0 ? server : client;
  /* Most rounds end with a reset; otherwise the system would run out of
   * ports. */
  uint32_t mode = round % 8 < 6 ? IOCP_RESET : IOCP_GRACEFUL;
  drive_close(first, mode, DRIVE_DEADLINE_MS);
  if (round % 3 == 0) drive_poll(&rounds->drive);
  drive_close(
      second, round % 4 < 2 ? IOCP_RESET : IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_until(&rounds->drive, first->is_closed && second->is_closed);
  drive_forget(first);
  drive_forget(second);
}

static void connected_round(struct rounds* rounds, uint32_t round) {
  struct drive* drive = &rounds->drive;
  struct drive_socket* client = drive_connect(drive, &rounds->address);
  drive_until(drive,
              client->connect_result != DRIVE_NOTHING &&
                  rounds->listener->accepted_first != NULL);
  check_is(client->connect_result, 0);
  struct drive_socket* server = drive_next_accepted(rounds->listener);
  uint32_t size = round % 7 == 0 ? 100000 : 10;
  server->receive_seed = 9;
  if (round % 5 == 0)
    drive_sink(server, 9, 1 << 20);
  else
    drive_receive(server, size);
  drive_pump(client, 9, size, size);
  if (round % 9 != 0) drive_until(drive, server->received == size);
  if (round % 11 == 0) drive_receive(client, 1000);
  if (round % 13 == 0 && !client->send_pending) drive_shutdown(client);
  close_pair(rounds, round, client, server);
}

/* A connect that fails, is closed, or has wrong arguments. */
static void failed_round(struct rounds* rounds, uint32_t round) {
  struct drive* drive = &rounds->drive;
  struct drive_socket* socket = drive_connect(drive, &rounds->dead);
  if (round % 2 == 0)
    drive_until(drive, socket->connect_result != DRIVE_NOTHING);
  drive_close(socket, round % 3 == 0 ? IOCP_RESET : IOCP_GRACEFUL, 1000);
  drive_until(drive, socket->is_closed);
  drive_forget(socket);
  check(iocp_connect(drive->port, &rounds->dead, &rounds->address) < 0 ||
        round < WARM_UP + ROUNDS);
}

static void listener_round(struct rounds* rounds) {
  struct iocp_address address;
  struct drive_socket* listener =
      drive_listen(&rounds->drive, "127.0.0.1", 0, &address);
  drive_accept(listener, 4);
  host_socket raw = raw_connect(&address);
  drive_close(listener, IOCP_GRACEFUL, 0);
  drive_until(&rounds->drive, listener->is_closed);
  drive_forget(listener);
  raw_close(raw);
}

static void ten_thousand_rounds(void) {
  static struct rounds rounds;
  int64_t memory = 0;
  int32_t handles = 0;
  drive_open(&rounds.drive);
  rounds.listener =
      drive_listen(&rounds.drive, "127.0.0.1", 0, &rounds.address);
  drive_accept(rounds.listener, 8);
  host_socket held = raw_hold("127.0.0.1", &rounds.dead);
  for (uint32_t round = 0; round < WARM_UP + ROUNDS; round++) {
    if (round == WARM_UP) {
      memory = host_memory();
      handles = host_handle_count();
    }
    if (round % 20 == 19)
      failed_round(&rounds, round);
    else if (round % 50 == 48)
      listener_round(&rounds);
    else
      connected_round(&rounds, round);
  }
  int32_t more_handles = host_handle_count() - handles;
  int64_t more_memory = host_memory() - memory;
  printf(" %d handles and %d KiB more ...",
         (int)more_handles,
         (int)(more_memory / 1024));
  check(more_handles <= host_handle_slack());
  check(more_memory < GROWTH_MAX + host_memory_slack());
  check_is(rounds.drive.open_count, 1);
  raw_close(held);
  drive_finish(&rounds.drive);
}

TEST_MAIN(TEST_CASE(ten_thousand_rounds))
