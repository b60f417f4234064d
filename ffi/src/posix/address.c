/* SPDX-License-Identifier: MIT */
#include "address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

socklen_t address_to_system(const struct iocp_address* address,
                            struct sockaddr_storage* system_out) {
  memset(system_out, 0, sizeof *system_out);
  if (address->family == 4) {
    struct sockaddr_in* in = (struct sockaddr_in*)system_out;
    in->sin_family = AF_INET;
    in->sin_port = htons(address->port);
    memcpy(&in->sin_addr, address->bytes, 4);
    return sizeof *in;
  }
  if (address->family == 6) {
    struct sockaddr_in6* in6 = (struct sockaddr_in6*)system_out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(address->port);
    in6->sin6_scope_id = address->scope;
    memcpy(&in6->sin6_addr, address->bytes, 16);
    return sizeof *in6;
  }
  return 0;
}

/* A path needs room for a zero byte: without one, some calls return it with a
 * byte that is not its own (unix(7), BUGS). */
socklen_t address_of_path(const struct iocp_path* name,
                          struct sockaddr_un* system_out) {
  bool is_abstract = name->bytes[0] == 0;
  size_t size = name->length + (is_abstract ? 0u : 1u);
  if (size > sizeof system_out->sun_path) return 0;
  memset(system_out, 0, sizeof *system_out);
  system_out->sun_family = AF_UNIX;
  memcpy(system_out->sun_path, name->bytes, name->length);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
}

void address_to_path(const struct sockaddr_storage* system,
                     socklen_t length,
                     struct iocp_path* name_out) {
  const char* name = ((const struct sockaddr_un*)system)->sun_path;
  size_t size = length - offsetof(struct sockaddr_un, sun_path);
  if (size != 0 && name[0] != 0) size = strnlen(name, size);
  name_out->family = IOCP_UNIX;
  name_out->length = (uint16_t)size;
  memcpy(name_out->bytes, name, size);
}

bool address_from_system(const struct sockaddr_storage* system,
                         struct iocp_address* address_out) {
  memset(address_out, 0, sizeof *address_out);
  if (system->ss_family == AF_INET) {
    const struct sockaddr_in* in = (const struct sockaddr_in*)system;
    address_out->family = 4;
    address_out->port = ntohs(in->sin_port);
    memcpy(address_out->bytes, &in->sin_addr, 4);
    return true;
  }
  if (system->ss_family == AF_INET6) {
    const struct sockaddr_in6* in6 = (const struct sockaddr_in6*)system;
    address_out->family = 6;
    address_out->port = ntohs(in6->sin6_port);
    address_out->scope = in6->sin6_scope_id;
    memcpy(address_out->bytes, &in6->sin6_addr, 16);
    return true;
  }
  return false;
}
