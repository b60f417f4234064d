/* SPDX-License-Identifier: MIT */
#include "loopback.h"

#include <string.h>

#include "answer.h"

#define LOOPBACK__BACKLOG 16
#define LOOPBACK__CHUNK 65536

SOCKET loopback_new(void) {
  SOCKET created = WSASocketW(AF_INET,
                              SOCK_STREAM,
                              IPPROTO_TCP,
                              NULL,
                              0,
                              WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  NEED(created != INVALID_SOCKET);
  return created;
}

static struct sockaddr_in loopback__address(uint32_t ip, uint16_t port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(ip);
  address.sin_port = htons(port);
  return address;
}

struct sockaddr_in loopback_address(uint16_t port) {
  return loopback__address(INADDR_LOOPBACK, port);
}

static DWORD loopback__error(int result) {
  return result == 0 ? 0 : (DWORD)WSAGetLastError();
}

DWORD loopback_bind(SOCKET socket, uint32_t ip, uint16_t port, int option) {
  struct sockaddr_in address = loopback__address(ip, port);
  if (option != 0) NEED(loopback_set(socket, SOL_SOCKET, option, TRUE) == 0);
  return loopback__error(
      bind(socket, (struct sockaddr*)&address, sizeof address));
}

DWORD loopback_listen(SOCKET socket, uint32_t ip, uint16_t port, int option) {
  DWORD error = loopback_bind(socket, ip, port, option);
  if (error != 0) return error;
  return loopback__error(listen(socket, LOOPBACK__BACKLOG));
}

SOCKET loopback_listener(void) {
  SOCKET listener = loopback_new();
  NEED(loopback_listen(listener, INADDR_LOOPBACK, 0, 0) == 0);
  return listener;
}

uint16_t loopback_port(SOCKET socket) {
  struct sockaddr_in address;
  int length = sizeof address;
  NEED(getsockname(socket, (struct sockaddr*)&address, &length) == 0);
  return ntohs(address.sin_port);
}

static void loopback__connect(SOCKET caller, uint16_t port) {
  struct sockaddr_in address = loopback_address(port);
  NEED(connect(caller, (struct sockaddr*)&address, sizeof address) == 0);
}

SOCKET loopback_call(uint16_t port) {
  SOCKET caller = loopback_new();
  loopback__connect(caller, port);
  return caller;
}

DWORD loopback_set(SOCKET socket, int level, int option, DWORD value) {
  return loopback__error(
      setsockopt(socket, level, option, (const char*)&value, sizeof value));
}

DWORD loopback_linger(SOCKET socket, bool is_on, u_short seconds) {
  struct linger linger = {is_on, seconds};
  return loopback__error(setsockopt(
      socket, SOL_SOCKET, SO_LINGER, (const char*)&linger, sizeof linger));
}

DWORD loopback_set_blocking(SOCKET socket, bool is_blocking) {
  u_long is_not = !is_blocking;
  return loopback__error(ioctlsocket(socket, (long)FIONBIO, &is_not));
}

static void pair__connect(struct pair* pair) {
  pair->listener = loopback_listener();
  loopback__connect(pair->far_end, loopback_port(pair->listener));
  pair->near_end = accept(pair->listener, NULL, NULL);
  NEED(pair->near_end != INVALID_SOCKET);
}

void pair_open(struct pair* pair) {
  pair->far_end = loopback_new();
  pair__connect(pair);
}

void pair_open_narrow(struct pair* pair) {
  pair->far_end = loopback_new();
  NEED(loopback_set(pair->far_end, SOL_SOCKET, SO_RCVBUF, LOOPBACK__CHUNK) ==
       0);
  pair__connect(pair);
}

/* ---- what arrives */

const struct stream* loopback_drain(SOCKET socket, DWORD quiet_ms) {
  static struct stream stream;
  static char bytes[LOOPBACK__CHUNK];
  memset(&stream, 0, sizeof stream);
  loopback_set_blocking(socket, true);
  loopback_set(socket, SOL_SOCKET, SO_RCVTIMEO, quiet_ms);
  for (;;) {
    int count = recv(socket, bytes, sizeof bytes, 0);
    if (count <= 0) {
      stream.error = loopback__error(count);
      break;
    }
    stream.bytes += (uint64_t)count;
    for (int i = 0; i < count; i++) stream.counts[(unsigned char)bytes[i]]++;
  }
  stream.ending = stream.error == 0              ? ENDING_FIN
                  : stream.error == WSAETIMEDOUT ? ENDING_NONE
                                                 : ENDING_RST;
  return &stream;
}

const char* ending_name(enum ending ending) {
  static const char* const names[] = {"FIN", "RST", "nothing"};
  return names[ending];
}

const char* loopback_ending(SOCKET socket) {
  return ending_name(loopback_drain(socket, LOOPBACK_LONG_MS)->ending);
}
