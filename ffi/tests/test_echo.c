/* SPDX-License-Identifier: MIT */
/*
 * Bytes go both ways at once and arrive unchanged, in all sizes at which
 * something changes: none, one, and one less and one more than the limits of
 * the library, the slab and the credit.
 *
 * It is hard because a stream has no message boundaries. What a receive returns
 * depends on the slab, the credit and the kernel, so errors at a boundary lose
 * or repeat a few bytes. They are noticed only if each byte depends on its
 * place.
 */
#include <stdlib.h>
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/pattern.h"
#include "shared/test.h"

#define MEBIBYTE (1u << 20)

/* Both ends send `size` bytes and a FIN, and receive the other's. */
static void exchange(struct drive* drive, uint64_t size, uint32_t credit) {
  struct drive_socket* ends[2];
  uint32_t send_size = 2 * IOCP_SEND_MAX;
  drive_pair(drive, &ends[0], &ends[1]);
  for (int i = 0; i < 2; i++) {
    drive_sink(ends[i], 2u - (unsigned)i, credit);
    if (size != 0) drive_pump(ends[i], 1u + (unsigned)i, size, send_size);
  }
  for (int i = 0; i < 2; i++) {
    drive_until(drive, ends[i]->sent == size);
    drive_shutdown(ends[i]);
  }
  for (int i = 0; i < 2; i++) {
    drive_until(drive,
                ends[i]->end_result != DRIVE_NOTHING &&
                    ends[i]->shut_result != DRIVE_NOTHING);
    check_is(ends[i]->end_result, 0);
    check_is(ends[i]->shut_result, 0);
    check_is(ends[i]->received, size);
  }
  for (int i = 0; i < 2; i++) drive_close_now(ends[i]);
  for (int i = 0; i < 2; i++) drive_forget(ends[i]);
}

static void sizes_with_slab(uint32_t slab_length) {
  static const uint32_t borders[] = {
      IOCP_SLAB_MIN, 1024, IOCP_RECEIVE_MAX, IOCP_SEND_MAX};
  static const uint32_t credits[] = {
      1024, IOCP_RECEIVE_MAX - 1, IOCP_RECEIVE_MAX, 1u << 30};
  struct drive drive;
  drive_open_sized(&drive, 16, slab_length);
  exchange(&drive, 0, 1);
  exchange(&drive, 1, 1);
  exchange(&drive, 1025, 1);
  for (size_t i = 0; i < sizeof credits / sizeof credits[0]; i++) {
    for (size_t j = 0; j < sizeof borders / sizeof borders[0]; j++)
      for (uint32_t k = 0; k < 3; k++)
        exchange(&drive, borders[j] + k - 1, credits[i]);
    for (uint32_t k = 0; k < 3; k++) {
      exchange(&drive, slab_length + k - 1, credits[i]);
      exchange(&drive, 1024, 1023 + k);
    }
  }
  drive_finish(&drive);
}

static void sizes_with_the_smallest_slab(void) {
  sizes_with_slab(IOCP_SLAB_MIN);
}

static void sizes_with_an_odd_slab(void) {
  sizes_with_slab(IOCP_RECEIVE_MAX + 4 * 1021);
}

static void sizes_with_a_large_slab(void) { sizes_with_slab(MEBIBYTE); }

static void sixty_four_mebibytes_both_ways(void) {
  struct drive drive;
  drive_open(&drive);
  exchange(&drive, 64 * (uint64_t)MEBIBYTE, MEBIBYTE);
  drive_finish(&drive);
}

/* An echo server with backpressure: its credit is what it can store. */
#define ECHO_STORE 100000u

struct echo {
  uint8_t store[ECHO_STORE];
  uint32_t first; /* the oldest byte that was not sent back yet */
  uint32_t count;
};

static void echo_turn(struct drive_socket* socket) {
  struct echo* echo = socket->user;
  uint32_t sent = 0;
  while (!socket->send_pending && echo->count != 0) {
    uint32_t length = ECHO_STORE - echo->first;
    if (length > echo->count) length = echo->count;
    uint32_t accepted =
        (uint32_t)drive_send(socket, echo->store + echo->first, length);
    echo->first = (echo->first + accepted) % ECHO_STORE;
    echo->count -= accepted;
    sent += accepted;
  }
  if (sent != 0 && socket->end_result == DRIVE_NOTHING)
    drive_receive(socket, sent);
  if (socket->end_result == 0 && echo->count == 0 && !socket->shut_pending &&
      socket->shut_result == DRIVE_NOTHING)
    drive_shutdown(socket);
}

static void echo_record(struct drive_socket* socket,
                        const struct iocp_record* record,
                        const uint8_t* bytes) {
  struct echo* echo = socket->user;
  if (echo == NULL) return;
  for (int32_t i = 0; bytes != NULL && i < record->result; i++) {
    check(echo->count < ECHO_STORE);
    echo->store[(echo->first + echo->count++) % ECHO_STORE] = bytes[i];
  }
  echo_turn(socket);
}

static struct drive_socket* echo_connect(struct drive* drive, uint64_t seed) {
  struct drive_socket* client;
  struct drive_socket* server;
  drive_pair(drive, &client, &server);
  server->user = calloc(1, sizeof(struct echo));
  check(server->user != NULL);
  drive_receive(server, ECHO_STORE);
  drive_sink(client, seed, 65536);
  return client;
}

/* Many clients send patterns of their own through one port and get them
 * back. */
static void echo_to_many_clients(void) {
  struct drive drive;
  struct drive_socket* clients[40];
  uint64_t size = MEBIBYTE / 2 + 7;
  drive_open(&drive);
  drive.on_record = echo_record;
  for (unsigned i = 0; i < 40; i++) clients[i] = echo_connect(&drive, 100 + i);
  for (unsigned i = 0; i < 40; i++)
    drive_pump(clients[i], 100 + i, size, 10000 + i);
  for (unsigned i = 0; i < 40; i++) {
    drive_until(&drive, clients[i]->sent == size);
    drive_shutdown(clients[i]);
  }
  for (unsigned i = 0; i < 40; i++) {
    drive_until(&drive, clients[i]->end_result != DRIVE_NOTHING);
    check_is(clients[i]->end_result, 0);
    check_is(clients[i]->received, size);
  }
  for (size_t i = 0; i < DRIVE_BUCKETS; i++)
    for (struct drive_socket* it = drive.buckets[i]; it != NULL;
         it = it->next_in_bucket)
      free(it->user);
  drive.on_record = NULL;
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(sizes_with_the_smallest_slab),
          TEST_CASE(sizes_with_an_odd_slab),
          TEST_CASE(sizes_with_a_large_slab),
          TEST_CASE(sixty_four_mebibytes_both_ways),
          TEST_CASE(echo_to_many_clients))
