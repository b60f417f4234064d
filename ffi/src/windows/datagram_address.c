/* SPDX-License-Identifier: MIT */
#include "datagram_address.h"

#include "address.h"
#include "memory.h"

/* ::ffff:a.b.c.d, which an IPv6 socket sends to by IPv4. */
static void datagram_address__map(struct iocp_address* address) {
  uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};
  memory_copy(bytes + 12, address->bytes, 4);
  memory_copy(address->bytes, bytes, sizeof bytes);
  address->family = IOCP_IPV6;
}

int32_t datagram_address_to_system(const struct socket* socket,
                                   const struct iocp_datagram* header,
                                   SOCKADDR_STORAGE* system_out) {
  struct iocp_address address = header->from;
  if (address.family == 0) return 0;
  if (address.family == IOCP_IPV4 && socket->family == IOCP_IPV6)
    datagram_address__map(&address);
  if (address.family != socket->family) return -IOCP_EAFNOSUPPORT;
  return address_to_system(&address, system_out);
}
