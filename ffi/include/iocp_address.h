/* SPDX-License-Identifier: MIT */
/* The addresses of sockets; see iocp.h. */
#ifndef IOCP_API_ADDRESS_H
#define IOCP_API_ADDRESS_H

#include <stdint.h>

/* Families of addresses, which are the first field of both structs. */
#define IOCP_UNIX 1 /* struct iocp_path: a unix socket */
#define IOCP_PIPE 2 /* struct iocp_path: a named pipe of Windows */
#define IOCP_IPV4 4 /* struct iocp_address */
#define IOCP_IPV6 6 /* struct iocp_address */

/* An IP address and port, in the host's byte order unless noted. */
struct iocp_address {
  uint16_t family; /* IOCP_IPV4 or IOCP_IPV6 */
  uint16_t port;
  uint32_t scope;    /* the zone of a link-local IPv6 address, else 0 */
  uint8_t bytes[16]; /* network byte order; IPv4 uses the first four */
};

/*
 * The name of a local socket. The library reads and writes only its first
 * 4 + `length` bytes, so it may be in a shorter block of memory.
 *
 * IOCP_UNIX: the path of a socket file, without zero bytes: UTF-8 on Windows,
 * any other bytes on Linux, at most 107. On Linux a name whose first byte is 0
 * is abstract: it has no file, and at most 108 bytes, the 0 included. A peer
 * without a name has a length of 0.
 * IOCP_PIPE: \\.\pipe\NAME or \\?\pipe\NAME in UTF-8, at most 256 UTF-16 units.
 * In the first form each slash may be a forward one. Names have no case.
 */
#define IOCP_PATH_MAX 1020
struct iocp_path {
  uint16_t family; /* IOCP_UNIX or IOCP_PIPE */
  uint16_t length; /* bytes of the name */
  uint8_t bytes[IOCP_PATH_MAX];
};

#endif /* IOCP_API_ADDRESS_H */
