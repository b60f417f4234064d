/* SPDX-License-Identifier: MIT */
/* Addresses of plain sockets, without the code of the library. */
#ifndef TESTS_RAW_CONVERT_H
#define TESTS_RAW_CONVERT_H

/* Winsock's header must come first. */
#include "raw_headers.h"

#include <string.h>

#include "iocp.h"

static inline raw_length raw_to_system(const struct iocp_address* address,
                                       struct sockaddr_storage* system_out) {
  memset(system_out, 0, sizeof *system_out);
  if (address->family == 4) {
    struct sockaddr_in* in = (struct sockaddr_in*)system_out;
    in->sin_family = AF_INET;
    in->sin_port = htons(address->port);
    memcpy(&in->sin_addr, address->bytes, 4);
    return sizeof *in;
  }
  struct sockaddr_in6* in6 = (struct sockaddr_in6*)system_out;
  in6->sin6_family = AF_INET6;
  in6->sin6_port = htons(address->port);
  memcpy(&in6->sin6_addr, address->bytes, 16);
  return sizeof *in6;
}

static inline struct iocp_address raw_from_system(
    const struct sockaddr_storage* system) {
  struct iocp_address address;
  memset(&address, 0, sizeof address);
  if (system->ss_family == AF_INET) {
    const struct sockaddr_in* in = (const struct sockaddr_in*)system;
    address.family = 4;
    address.port = ntohs(in->sin_port);
    memcpy(address.bytes, &in->sin_addr, 4);
    return address;
  }
  const struct sockaddr_in6* in6 = (const struct sockaddr_in6*)system;
  address.family = 6;
  address.port = ntohs(in6->sin6_port);
  memcpy(address.bytes, &in6->sin6_addr, 16);
  return address;
}

#endif /* TESTS_RAW_CONVERT_H */
