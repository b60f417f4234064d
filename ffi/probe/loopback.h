/* SPDX-License-Identifier: MIT */
/* TCP sockets of an experiment, at 127.0.0.1. A step that fails ends it
 * (NEED()). Sockets are not closed: the process ends soon. */
#ifndef PROBE_LOOPBACK_H
#define PROBE_LOOPBACK_H

#include <stdbool.h>
#include <stdint.h>
#include <winsock2.h>
#include <ws2tcpip.h>
/* After winsock2.h, which they need. */
#include <mstcpip.h>
#include <mswsock.h>

/* How long to wait for something that is expected not to arrive. */
#define LOOPBACK_QUIET_MS 300
/* How long to wait for something that must arrive. */
#define LOOPBACK_LONG_MS 8000

SOCKET loopback_new(void); /* overlapped, blocking */
struct sockaddr_in loopback_address(uint16_t port);

/* Binds to a port, or to any with 0. `option` is SO_REUSEADDR,
 * SO_EXCLUSIVEADDRUSE, or 0. Both return 0 or the error of bind() or
 * listen(). */
DWORD loopback_bind(SOCKET socket, uint32_t ip, uint16_t port, int option);
DWORD loopback_listen(SOCKET socket, uint32_t ip, uint16_t port, int option);

SOCKET loopback_listener(void);
uint16_t loopback_port(SOCKET socket);
SOCKET loopback_call(uint16_t port); /* connected */

DWORD loopback_set(SOCKET socket, int level, int option, DWORD value);
DWORD loopback_linger(SOCKET socket, bool is_on, u_short seconds);
DWORD loopback_set_blocking(SOCKET socket, bool is_blocking);

/* A connection: the near end is the accepted socket, the far one has
 * connected. */
struct pair {
  SOCKET listener;
  SOCKET near_end;
  SOCKET far_end;
};
void pair_open(struct pair* pair);
/* Its far end buffers little without a reader. The buffer was set, so it does
 * not grow. */
void pair_open_narrow(struct pair* pair);

/* Reads until the stream ends, or nothing arrives for `quiet_ms`. */
enum ending { ENDING_FIN, ENDING_RST, ENDING_NONE };
struct stream {
  enum ending ending;
  DWORD error;
  uint64_t bytes;
  uint64_t counts[256]; /* of each byte */
};
const struct stream* loopback_drain(SOCKET socket, DWORD quiet_ms);

/* "FIN", "RST" or "nothing": what arrives at a socket with nothing to read. */
const char* loopback_ending(SOCKET socket);
const char* ending_name(enum ending ending);

#endif /* PROBE_LOOPBACK_H */
