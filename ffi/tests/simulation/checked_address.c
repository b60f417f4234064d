/* SPDX-License-Identifier: MIT */
#include "checked_address.h"

#include <stddef.h>
#include <string.h>

#include "world.h"

/* The most bytes of a path on each system (struct sockaddr_un), and of the name
 * of a pipe, which has at most three for each UTF-16 unit. */
#define CHECKED__UNIX_MAX 107
#define CHECKED__PIPE_UNITS 256

uint16_t checked_family(const void* address) {
  uint16_t family;
  memcpy(&family, address, sizeof family);
  return family;
}

void checked_refuse_ip(struct contract_call* call, const void* address) {
  if (address == NULL) {
    contract_refuse(call, IOCP_EFAULT);
    return;
  }
  uint16_t family = checked_family(address);
  contract_refuse_if(
      call, family != IOCP_IPV4 && family != IOCP_IPV6, IOCP_EAFNOSUPPORT);
}

/* What the name means is for the system to say. */
static void checked__refuse_name(struct contract_call* call,
                                 const struct iocp_path* name) {
  bool is_abstract = name->family == IOCP_UNIX && name->bytes[0] == 0;
  contract_refuse_if(
      call,
      !is_abstract && memchr(name->bytes, 0, name->length) != NULL,
      IOCP_EINVAL);
  /* Also when the system says so, with its number. */
  if (!world_has_local(name->family)) {
    contract_refuse(call, IOCP_ENOTSUP);
    call->may_have_number = true;
  }
  if (name->family == IOCP_PIPE) {
    contract_may(call, IOCP_EINVAL);
    if (name->length > CHECKED__PIPE_UNITS)
      contract_may(call, IOCP_ENAMETOOLONG);
    return;
  }
  contract_refuse_if(
      call, is_abstract && world_posts_operations(), IOCP_ENOTSUP);
  contract_refuse_if(
      call,
      name->length > (is_abstract ? CHECKED__UNIX_MAX + 1 : CHECKED__UNIX_MAX),
      IOCP_ENAMETOOLONG);
  /* A path is UTF-8 on Windows. */
  if (world_posts_operations()) contract_may(call, IOCP_EINVAL);
}

void checked_refuse_path(struct contract_call* call,
                         const void* path,
                         struct iocp_path* name_out) {
  memset(name_out, 0, sizeof *name_out);
  if (path == NULL) {
    contract_refuse(call, IOCP_EFAULT);
    return;
  }
  memcpy(name_out, path, offsetof(struct iocp_path, bytes));
  if (name_out->family != IOCP_UNIX && name_out->family != IOCP_PIPE) {
    contract_refuse(call, IOCP_EAFNOSUPPORT);
    return;
  }
  contract_refuse_if(call, name_out->length == 0, IOCP_EINVAL);
  contract_refuse_if(call, name_out->length > IOCP_PATH_MAX, IOCP_ENAMETOOLONG);
  if (name_out->length == 0 || name_out->length > IOCP_PATH_MAX) {
    name_out->length = 0;
    /* The system may not have the kind at all. */
    contract_may(call, IOCP_ENOTSUP);
    return;
  }
  memcpy(name_out->bytes,
         (const uint8_t*)path + offsetof(struct iocp_path, bytes),
         name_out->length);
  checked__refuse_name(call, name_out);
}

void checked_refuse_destination(struct contract_call* call,
                                const void* address) {
  struct iocp_path name;
  uint16_t family = checked_family(address);
  const struct contract_socket* socket = call->socket;
  if (family == IOCP_UNIX) {
    memcpy(&name, address, offsetof(struct iocp_path, bytes));
    if (name.length != 0 && name.length <= IOCP_PATH_MAX) {
      checked_refuse_path(call, address, &name);
      contract_may(call, IOCP_ENAMETOOLONG);
    } else {
      contract_refuse(call, name.length == 0 ? IOCP_EINVAL : IOCP_ENAMETOOLONG);
    }
  } else {
    contract_refuse_if(
        call, family != IOCP_IPV4 && family != IOCP_IPV6, IOCP_EAFNOSUPPORT);
  }
  /* An IPv6 socket may send to addresses of IPv4. */
  if (socket == NULL || socket->family == family) return;
  if (socket->family == IOCP_IPV6 && family == IOCP_IPV4)
    contract_may(call, IOCP_EAFNOSUPPORT);
  else
    contract_refuse(call, IOCP_EAFNOSUPPORT);
}
