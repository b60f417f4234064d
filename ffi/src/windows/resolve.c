/* SPDX-License-Identifier: MIT */
/* Looking up the addresses of a host. */
#include <winsock2.h>
#include <ws2tcpip.h>

#include "address.h"
#include "engine.h"
#include "errors.h"
#include "memory.h"
#include "winsock.h"

int32_t engine_resolve(const char* name, void* addresses, uint32_t capacity) {
  WCHAR wide[ENGINE_HOST_NAME_MAX + 1];
  ADDRINFOW hints;
  ADDRINFOW* found;
  uint32_t length = 0;
  int native = winsock_start();
  if (native != 0) return errors_of((DWORD)native);
  for (; name[length] != 0; length++) {
    /* Names are in their ASCII form (IDNA). */
    if ((uint8_t)name[length] > 127) return -IOCP_ENOTFOUND;
    wide[length] = (WCHAR)name[length];
  }
  wide[length] = 0;
  memory_zero(&hints, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  native = GetAddrInfoW(wide, NULL, &hints, &found);
  if (native != 0) return errors_of((DWORD)native);
  uint32_t count = 0;
  for (ADDRINFOW* it = found; it != NULL && count < capacity;
       it = it->ai_next) {
    struct iocp_address address;
    if (!address_from_system(it->ai_addr, (int)it->ai_addrlen, &address))
      continue;
    memory_copy(
        (uint8_t*)addresses + count * sizeof address, &address, sizeof address);
    count++;
  }
  FreeAddrInfoW(found);
  return count == 0 ? -IOCP_ENOTFOUND : (int32_t)count;
}
