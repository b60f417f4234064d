/* SPDX-License-Identifier: MIT */
#include "datagram_address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "address.h"
#include "datagram_memory.h"

#define DATAGRAM_ADDRESS__PATH offsetof(struct sockaddr_un, sun_path)

static int32_t datagram_address__of_path(const uint8_t* path,
                                         uint32_t length,
                                         struct sockaddr_un* system) {
  if (length == 0) return -IOCP_EINVAL;
  /* A path needs room for a zero byte, see address_of_path(). */
  uint32_t size = length + (path[0] != 0);
  if (size > sizeof system->sun_path) return -IOCP_ENAMETOOLONG;
  memset(system, 0, sizeof *system);
  system->sun_family = AF_UNIX;
  memcpy(system->sun_path, path, length);
  return (int32_t)(DATAGRAM_ADDRESS__PATH + size);
}

/* ::ffff:a.b.c.d, which an IPv6 socket sends to by IPv4. */
static void datagram_address__map(struct iocp_address* address) {
  uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};
  memcpy(bytes + 12, address->bytes, 4);
  memcpy(address->bytes, bytes, sizeof bytes);
  address->family = IOCP_IPV6;
}

int32_t datagram_address_to_system(const struct socket* socket,
                                   const struct iocp_datagram* header,
                                   const void* path,
                                   struct sockaddr_storage* system_out) {
  struct iocp_address address = header->from;
  if (address.family == 0) return 0;
  if ((address.family == IOCP_UNIX) != (socket->family == IOCP_UNIX))
    return -IOCP_EAFNOSUPPORT;
  if (address.family == IOCP_UNIX)
    return datagram_address__of_path(
        path, datagram_path_length(header), (struct sockaddr_un*)system_out);
  if (address.family == IOCP_IPV4 && socket->family == IOCP_IPV6)
    datagram_address__map(&address);
  if (address.family != socket->family) return -IOCP_EAFNOSUPPORT;
  return (int32_t)address_to_system(&address, system_out);
}

void datagram_address_from_system(const struct sockaddr_storage* system,
                                  socklen_t length,
                                  struct iocp_datagram* header,
                                  uint8_t* path_out) {
  /* The kernel writes no address of an unnamed unix socket. */
  if (length >= sizeof(struct sockaddr_in) &&
      address_from_system(system, &header->from))
    return;
  memset(&header->from, 0, sizeof header->from);
  header->from.family = IOCP_UNIX;
  if (length <= DATAGRAM_ADDRESS__PATH) return;
  const char* name = ((const struct sockaddr_un*)system)->sun_path;
  size_t size = length - DATAGRAM_ADDRESS__PATH;
  if (name[0] != 0) size = strnlen(name, size);
  header->from.port = (uint16_t)size;
  memcpy(path_out, name, size);
}
