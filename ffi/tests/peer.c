/* SPDX-License-Identifier: MIT */
/*
 * The peer of the TypeScript suite: a program that uses plain sockets only.
 *
 * peer client PORT BYTES SEED: connects to 127.0.0.1, sends that many bytes of
 * the seed's stream, shuts down, and checks that exactly the same bytes come
 * back.
 *
 * peer server: prints its port, echoes one connection to its end, and closes
 * it.
 *
 * peer activate RUNS PROGRAM ARGUMENTS ...: see shared/activate.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/activate.h"
#include "shared/check.h"
#include "shared/host.h"
#include "shared/pattern.h"
#include "shared/raw.h"

/* Odd, so that pieces and buffers do not have common boundaries. */
#define PIECE 50021

static uint8_t bytes[PIECE];

static uint32_t piece_at(uint64_t position, uint64_t total) {
  uint64_t left = total - position;
  return left < PIECE ? (uint32_t)left : PIECE;
}

/* Sends what it can at once; returns the number of bytes. */
static uint32_t send_some(host_socket socket,
                          uint64_t seed,
                          uint64_t position,
                          uint64_t total) {
  uint32_t length = piece_at(position, total);
  pattern_fill(bytes, length, seed, position);
  int32_t count = raw_send(socket, bytes, length);
  if (count == HOST_WOULD_BLOCK) return 0;
  check(count > 0);
  return (uint32_t)count;
}

static void run_client(uint16_t port, uint64_t total, uint64_t seed) {
  struct iocp_address address = raw_address("127.0.0.1", port);
  host_socket socket = raw_connect(&address);
  uint64_t sent = 0;
  uint64_t received = 0;
  if (total == 0) raw_shutdown(socket);
  for (;;) {
    uint32_t moved = 0;
    if (sent < total) {
      moved = send_some(socket, seed, sent, total);
      sent += moved;
      if (sent == total) raw_shutdown(socket);
    }
    int32_t count = raw_receive(socket, bytes, sizeof bytes);
    if (count == 0) break;
    if (count > 0) {
      pattern_check(bytes, (uint32_t)count, seed, received);
      received += (uint32_t)count;
    } else {
      check_is(count, HOST_WOULD_BLOCK);
      if (moved == 0) host_sleep_ms(1);
    }
  }
  check_is(sent, total);
  check_is(received, total);
  raw_close(socket);
}

static void send_all(host_socket socket, const uint8_t* from, uint32_t length) {
  while (length > 0) {
    int32_t count = raw_send(socket, from, length);
    check(count > 0);
    from += count;
    length -= (uint32_t)count;
  }
}

static void run_server(void) {
  struct iocp_address address;
  host_socket listener = raw_listen("127.0.0.1", &address);
  printf("listening %u\n", address.port);
  fflush(stdout);
  host_socket socket = raw_accept(listener);
  /* Wine 10 may lose bytes of a non-blocking send (ffi/src/windows/winsock.c),
   * and every byte that this server sends is checked. */
  host_socket_set_blocking(socket, true);
  for (;;) {
    int32_t count = raw_receive(socket, bytes, sizeof bytes);
    if (count == 0) break;
    check(count > 0);
    send_all(socket, bytes, (uint32_t)count);
  }
  raw_close(socket);
  raw_close(listener);
}

int main(int argc, char** argv) {
  host_start();
  host_watchdog(300);
  if (argc == 5 && strcmp(argv[1], "client") == 0) {
    run_client((uint16_t)strtoul(argv[2], NULL, 10),
               strtoull(argv[3], NULL, 10),
               strtoull(argv[4], NULL, 10));
  } else if (argc == 2 && strcmp(argv[1], "server") == 0) {
    run_server();
  } else if (argc > 3 && strcmp(argv[1], "activate") == 0) {
    if (!activate((uint32_t)strtoul(argv[2], NULL, 10), argv + 3)) return 3;
  } else {
    fprintf(stderr,
            "usage: peer client PORT BYTES SEED | peer server | "
            "peer activate RUNS PROGRAM ARGUMENTS ...\n");
    return 2;
  }
  puts("done");
  return 0;
}
