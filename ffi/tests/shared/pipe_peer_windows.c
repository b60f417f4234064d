/* SPDX-License-Identifier: MIT */
#include "pipe_peer.h"

#include <windows.h>
/* After the headers of Windows, which must come first. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "pattern.h"

/* Odd, so that pieces and buffers do not have common boundaries. */
#define PIPE_PEER__PIECE 50021

static uint8_t pipe_peer__bytes[PIPE_PEER__PIECE];

static DWORD pipe_peer__piece(uint64_t position, uint64_t total) {
  uint64_t left = total - position;
  return left < PIPE_PEER__PIECE ? (DWORD)left : PIPE_PEER__PIECE;
}

/* A write to a pipe that waits writes everything. */
static void pipe_peer__write(HANDLE pipe, const void* bytes, DWORD length) {
  DWORD count;
  check(WriteFile(pipe, bytes, length, &count, NULL));
  check_is(count, length);
}

/* A read returns what is there. */
static void pipe_peer__read(HANDLE pipe, uint8_t* bytes_out, DWORD length) {
  while (length > 0) {
    DWORD count;
    check(ReadFile(pipe, bytes_out, length, &count, NULL));
    bytes_out += count;
    length -= count;
  }
}

static void pipe_peer__send_all(HANDLE pipe, uint64_t total, uint64_t seed) {
  for (uint64_t at = 0; at < total;) {
    DWORD length = pipe_peer__piece(at, total);
    pattern_fill(pipe_peer__bytes, length, seed, at);
    pipe_peer__write(pipe, pipe_peer__bytes, length);
    at += length;
  }
}

static void pipe_peer__ask(HANDLE pipe, uint64_t total, uint64_t seed) {
  for (uint64_t at = 0; at < total;) {
    DWORD length = pipe_peer__piece(at, total);
    pattern_fill(pipe_peer__bytes, length, seed, at);
    pipe_peer__write(pipe, pipe_peer__bytes, length);
    pipe_peer__read(pipe, pipe_peer__bytes, length);
    pattern_check(pipe_peer__bytes, length, seed, at);
    at += length;
  }
}

/* Reads slowly at first, so that the server closes meanwhile. */
static void pipe_peer__expect_end(HANDLE pipe, uint64_t total, uint64_t seed) {
  uint64_t at = 0;
  for (;;) {
    DWORD count;
    if (at < 10 * PIPE_PEER__PIECE) Sleep(10);
    if (!ReadFile(pipe, pipe_peer__bytes, PIPE_PEER__PIECE, &count, NULL))
      break;
    pattern_check(pipe_peer__bytes, count, seed, at);
    at += count;
  }
  check_is(GetLastError(), ERROR_BROKEN_PIPE);
  check_is(at, total);
}

bool pipe_peer_client(const char* name, uint64_t total, uint64_t seed) {
  HANDLE pipe = CreateFileA(
      name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
  check(pipe != INVALID_HANDLE_VALUE);
  pipe_peer__ask(pipe, total, seed);
  pipe_peer__send_all(pipe, total, seed);
  pipe_peer__expect_end(pipe, total, seed);
  check(CloseHandle(pipe));
  return true;
}

bool pipe_peer_server(const char* name, uint64_t total, bool disconnects) {
  HANDLE pipe =
      CreateNamedPipeA(name,
                       PIPE_ACCESS_DUPLEX | FILE_FLAG_FIRST_PIPE_INSTANCE,
                       PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT,
                       1,
                       65536,
                       65536,
                       0,
                       NULL);
  check(pipe != INVALID_HANDLE_VALUE);
  puts("listening");
  fflush(stdout);
  check(ConnectNamedPipe(pipe, NULL) || GetLastError() == ERROR_PIPE_CONNECTED);
  for (uint64_t at = 0; at < total;) {
    DWORD length = pipe_peer__piece(at, total);
    pipe_peer__read(pipe, pipe_peer__bytes, length);
    pipe_peer__write(pipe, pipe_peer__bytes, length);
    at += length;
  }
  uint8_t* all = malloc(total);
  check(all != NULL);
  pipe_peer__read(pipe, all, (DWORD)total);
  pipe_peer__write(pipe, all, (DWORD)total);
  free(all);
  if (disconnects) {
    check(FlushFileBuffers(pipe));
    check(DisconnectNamedPipe(pipe));
  }
  check(CloseHandle(pipe));
  return true;
}
