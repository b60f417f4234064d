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
 * peer load PORT CONTROL: connects to PORT again and again, and each time
 * exchanges bytes, until its connection to CONTROL is ended; one connection is
 * open from the first moment to the last. Any failure ends it.
 *
 * peer pipe-client NAME BYTES SEED, and peer pipe-server NAME BYTES
 * close|disconnect: see shared/pipe_peer.h.
 *
 * peer activate RUNS PROGRAM ARGUMENTS ..., and peer activate-with KINDS
 * PROGRAM ARGUMENTS ...: see shared/activate.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/activate.h"
#include "shared/check.h"
#include "shared/host.h"
#include "shared/pattern.h"
#include "shared/pipe_peer.h"
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

/* Sends a piece, and waits for the same bytes. */
static void ask(host_socket socket, uint64_t seed) {
  uint8_t echo[64];
  uint32_t received = 0;
  pattern_fill(bytes, sizeof echo, seed, 0);
  send_all(socket, bytes, sizeof echo);
  while (received < sizeof echo) {
    int32_t count =
        raw_receive(socket, echo + received, (uint32_t)sizeof echo - received);
    if (count == HOST_WOULD_BLOCK) {
      host_sleep_ms(1);
      continue;
    }
    check(count > 0);
    received += (uint32_t)count;
  }
  pattern_check(echo, sizeof echo, seed, 0);
}

static void ask_and_end(host_socket socket, uint64_t seed) {
  ask(socket, seed);
  raw_shutdown(socket);
  for (;;) {
    int32_t count = raw_receive(socket, bytes, sizeof bytes);
    if (count == 0) break;
    check_is(count, HOST_WOULD_BLOCK);
    host_sleep_ms(1);
  }
  raw_close(socket);
}

static bool has_ended(host_socket socket) {
  uint8_t byte;
  return raw_receive(socket, &byte, 1) != HOST_WOULD_BLOCK;
}

static void run_load(uint16_t port, uint16_t control_port) {
  struct iocp_address address = raw_address("127.0.0.1", port);
  struct iocp_address control_address = raw_address("127.0.0.1", control_port);
  host_socket control = raw_connect(&control_address);
  host_socket longest = raw_connect(&address);
  uint64_t count = 0;
  for (; !has_ended(control); count++) {
    host_socket socket;
    /* One is always under way while another is served. */
    host_socket next;
    check_is(raw_try_connect(&address, &socket), 0);
    check_is(raw_try_connect(&address, &next), 0);
    ask_and_end(socket, count + 1);
    ask_and_end(next, count + 2);
    if (count % 100 == 0) ask(longest, count);
  }
  ask_and_end(longest, 1);
  raw_close(control);
  printf("connections %llu\n", (unsigned long long)count * 2 + 1);
}

static uint16_t port_of(const char* text) {
  return (uint16_t)strtoul(text, NULL, 10);
}

static uint64_t number_of(const char* text) { return strtoull(text, NULL, 10); }

static bool is_role(int argc, char** argv, const char* role, int count) {
  return argc == 2 + count && strcmp(argv[1], role) == 0;
}

/* Exit code 3 says that the system lacks what the role needs. */
static int run(int argc, char** argv) {
  bool has = true;
  if (is_role(argc, argv, "client", 3)) {
    run_client(port_of(argv[2]), number_of(argv[3]), number_of(argv[4]));
  } else if (is_role(argc, argv, "server", 0)) {
    run_server();
  } else if (is_role(argc, argv, "load", 2)) {
    run_load(port_of(argv[2]), port_of(argv[3]));
  } else if (is_role(argc, argv, "pipe-client", 3)) {
    has = pipe_peer_client(argv[2], number_of(argv[3]), number_of(argv[4]));
  } else if (is_role(argc, argv, "pipe-server", 3)) {
    bool disconnects = strcmp(argv[4], "disconnect") == 0;
    has = pipe_peer_server(argv[2], number_of(argv[3]), disconnects);
  } else if (argc > 3 && strcmp(argv[1], "activate") == 0) {
    has = activate((uint32_t)number_of(argv[2]), argv + 3);
  } else if (argc > 3 && strcmp(argv[1], "activate-with") == 0) {
    has = activate_with(argv[2], argv + 3);
  } else {
    fprintf(stderr,
            "usage: peer client PORT BYTES SEED | peer server | "
            "peer load PORT CONTROL | peer pipe-client NAME BYTES SEED | "
            "peer pipe-server NAME BYTES close|disconnect | "
            "peer activate RUNS PROGRAM ARGUMENTS ... | "
            "peer activate-with KINDS PROGRAM ARGUMENTS ...\n");
    return 2;
  }
  return has ? 0 : 3;
}

int main(int argc, char** argv) {
  host_start();
  host_watchdog(300);
  int code = run(argc, argv);
  if (code == 0) puts("done");
  return code;
}
