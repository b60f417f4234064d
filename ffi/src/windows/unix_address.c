/* SPDX-License-Identifier: MIT */
#include "unix_address.h"

#include "memory.h"

#define UNIX_ADDRESS__HEAD offsetof(struct unix_address, path)

int32_t unix_address_of(const struct iocp_path* name,
                        struct unix_address* address_out) {
  /* afunix.sys connects to no such address (WSL #4240). */
  if (name->bytes[0] == 0) return -IOCP_ENOTSUP;
  if (name->length >= sizeof address_out->path) return -IOCP_ENAMETOOLONG;
  memory_zero(address_out, sizeof *address_out);
  address_out->family = AF_UNIX;
  memory_copy(address_out->path, name->bytes, name->length);
  return (int32_t)(UNIX_ADDRESS__HEAD + name->length + 1);
}

int unix_address_unnamed(struct unix_address* address_out) {
  memory_zero(address_out, sizeof *address_out);
  address_out->family = AF_UNIX;
  /* An empty path, with its zero (compio-net, src/unix.rs). */
  return (int)UNIX_ADDRESS__HEAD + 1;
}

/* The length that the system returns after ConnectEx() includes bytes that do
 * not belong to the path (compio-net, as above), so its zero counts. */
void unix_address_to_path(const struct unix_address* address,
                          struct iocp_path* name_out) {
  uint16_t length = 0;
  while (length < sizeof address->path && address->path[length] != 0) {
    name_out->bytes[length] = (uint8_t)address->path[length];
    length++;
  }
  name_out->family = IOCP_UNIX;
  name_out->length = length;
}
