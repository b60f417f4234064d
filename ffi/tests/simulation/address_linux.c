/* SPDX-License-Identifier: MIT */
#include "address_linux.h"

#include <netinet/in.h>
#include <string.h>

socklen_t peer_address_to_system(const struct iocp_address* address,
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

void peer_address_from_system(const struct sockaddr_storage* system,
                              struct iocp_address* address_out) {
  memset(address_out, 0, sizeof *address_out);
  if (system->ss_family == AF_INET) {
    const struct sockaddr_in* in = (const struct sockaddr_in*)system;
    address_out->family = 4;
    address_out->port = ntohs(in->sin_port);
    memcpy(address_out->bytes, &in->sin_addr, 4);
    return;
  }
  const struct sockaddr_in6* in6 = (const struct sockaddr_in6*)system;
  address_out->family = 6;
  address_out->port = ntohs(in6->sin6_port);
  memcpy(address_out->bytes, &in6->sin6_addr, 16);
}
