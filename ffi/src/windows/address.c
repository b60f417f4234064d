/* SPDX-License-Identifier: MIT */
#include "address.h"

#include <ws2tcpip.h>

#include "memory.h"

int address_to_system(const struct iocp_address* address,
                      SOCKADDR_STORAGE* system_out) {
  memory_zero(system_out, sizeof *system_out);
  if (address->family == 4) {
    SOCKADDR_IN* in = (SOCKADDR_IN*)system_out;
    in->sin_family = AF_INET;
    in->sin_port = htons(address->port);
    memory_copy(&in->sin_addr, address->bytes, 4);
    return sizeof *in;
  }
  SOCKADDR_IN6* in6 = (SOCKADDR_IN6*)system_out;
  in6->sin6_family = AF_INET6;
  in6->sin6_port = htons(address->port);
  in6->sin6_scope_id = address->scope;
  memory_copy(&in6->sin6_addr, address->bytes, 16);
  return sizeof *in6;
}

bool address_from_system(const SOCKADDR* system,
                         int length,
                         struct iocp_address* address_out) {
  memory_zero(address_out, sizeof *address_out);
  if (system->sa_family == AF_INET && length >= (int)sizeof(SOCKADDR_IN)) {
    const SOCKADDR_IN* in = (const SOCKADDR_IN*)(const void*)system;
    address_out->family = 4;
    address_out->port = ntohs(in->sin_port);
    memory_copy(address_out->bytes, &in->sin_addr, 4);
    return true;
  }
  if (system->sa_family == AF_INET6 && length >= (int)sizeof(SOCKADDR_IN6)) {
    const SOCKADDR_IN6* in6 = (const SOCKADDR_IN6*)(const void*)system;
    address_out->family = 6;
    address_out->port = ntohs(in6->sin6_port);
    address_out->scope = in6->sin6_scope_id;
    memory_copy(address_out->bytes, &in6->sin6_addr, 16);
    return true;
  }
  return false;
}

static bool address__is_zero(const uint8_t* bytes, unsigned count) {
  for (unsigned i = 0; i < count; i++)
    if (bytes[i] != 0) return false;
  return true;
}

bool address_is_wildcard(const struct iocp_address* address) {
  return address__is_zero(address->bytes, address->family == 4 ? 4 : 16);
}

bool address_is_mapped(const struct iocp_address* address) {
  return address->family == 6 && address__is_zero(address->bytes, 10) &&
         address->bytes[10] == 0xff && address->bytes[11] == 0xff;
}

bool address_is_loopback(const struct iocp_address* address) {
  const uint8_t* bytes = address->bytes;
  if (address->family == 4) return bytes[0] == 127;
  if (!address__is_zero(bytes, 10)) return false;
  /* ::ffff:127.0.0.1 is an IPv4 address too. */
  return (bytes[10] == 0xff && bytes[11] == 0xff && bytes[12] == 127) ||
         (address__is_zero(bytes + 10, 5) && bytes[15] == 1);
}

bool address_is_group(const struct iocp_address* address) {
  const uint8_t* bytes = address->bytes;
  if (address->family == 6) return bytes[0] == 0xff;
  return (bytes[0] & 0xf0) == 0xe0 ||
         (bytes[0] & bytes[1] & bytes[2] & bytes[3]) == 0xff;
}
