/* SPDX-License-Identifier: MIT */
/* Looking up the addresses of a host. */
#include <netdb.h>
#include <string.h>

#include "address.h"
#include "engine.h"
#include "errors.h"

int32_t engine_resolve(const char* name, void* addresses, uint32_t capacity) {
  struct addrinfo hints;
  struct addrinfo* found;
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  int failure = getaddrinfo(name, NULL, &hints, &found);
  if (failure != 0) return errors_of_lookup(failure);
  uint32_t count = 0;
  for (struct addrinfo* it = found; it != NULL && count < capacity;
       it = it->ai_next) {
    struct sockaddr_storage system;
    memset(&system, 0, sizeof system);
    memcpy(&system, it->ai_addr, it->ai_addrlen);
    struct iocp_address address;
    if (!address_from_system(&system, &address)) continue;
    memcpy(
        (uint8_t*)addresses + count * sizeof address, &address, sizeof address);
    count++;
  }
  freeaddrinfo(found);
  return count == 0 ? -IOCP_ENOTFOUND : (int32_t)count;
}
