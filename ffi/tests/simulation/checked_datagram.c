/* SPDX-License-Identifier: MIT */
/* Datagram sockets. */
#define CHECKED_NONE
#include <stddef.h>
#include <string.h>

#include "checked.h"
#include "checked_address.h"
#include "contract.h"
#include "report.h"
#include "world.h"

#define CHECKED__IP_FLAGS \
  (IOCP_IPV6_ONLY | IOCP_REUSE_PORT | IOCP_REUSE_ADDRESS)

static bool checked__is_group(const struct iocp_address* address) {
  return address->family == IOCP_IPV4 ? address->bytes[0] >> 4 == 14
                                      : address->bytes[0] == 0xff;
}

static void checked__refuse_bind_ip(struct contract_call* call,
                                    const void* address,
                                    uint32_t flags) {
  struct iocp_address at;
  memcpy(&at, address, sizeof at);
  checked_refuse_ip(call, address);
  contract_refuse_if(
      call, (flags & ~(uint32_t)CHECKED__IP_FLAGS) != 0, IOCP_EINVAL);
  contract_refuse_if(
      call,
      (flags & IOCP_REUSE_ADDRESS) != 0 && !checked__is_group(&at),
      IOCP_EINVAL);
  contract_refuse_if(call,
                     (flags & (IOCP_REUSE_PORT | IOCP_REUSE_ADDRESS)) != 0 &&
                         world_posts_operations(),
                     IOCP_ENOTSUP);
}

static void checked__refuse_bind_path(struct contract_call* call,
                                      const void* address,
                                      uint32_t flags,
                                      uint32_t mode) {
  struct iocp_path name;
  memcpy(&name, address, offsetof(struct iocp_path, bytes));
  if (name.length != 0) checked_refuse_path(call, address, &name);
  contract_refuse_if(
      call, (flags & ~(uint32_t)IOCP_REPLACE_STALE) != 0, IOCP_EINVAL);
  contract_refuse_if(
      call, mode != IOCP_MODE_DEFAULT && mode > 0777, IOCP_EINVAL);
  contract_refuse_if(call, world_posts_operations(), IOCP_ENOTSUP);
  contract_may(call, IOCP_EINVAL);
}

int32_t checked_bind(int32_t port,
                     const void* address,
                     uint32_t flags,
                     uint32_t mode) {
  struct contract_call call;
  contract_begin(&call, "iocp_bind", port);
  uint16_t family = address == NULL ? 0 : checked_family(address);
  if (address == NULL)
    contract_refuse(&call, IOCP_EFAULT);
  else if (family == IOCP_UNIX)
    checked__refuse_bind_path(&call, address, flags, mode);
  else
    checked__refuse_bind_ip(&call, address, flags);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end(&call, iocp_bind(port, address, flags, mode));
  if (result < 0) return result;
  contract_add(
      port, result, CONTRACT_DATAGRAM, family == IOCP_UNIX ? family : 0)
      ->family = family;
  return result;
}

int32_t checked_receive_from(int32_t port,
                             int32_t socket,
                             void* buffer,
                             uint32_t offset,
                             uint32_t length,
                             void* datagram) {
  struct contract_call call;
  contract_begin(&call, "iocp_receive_from", port);
  struct contract_socket* of = contract_find_datagram(&call, socket);
  contract_refuse_if(&call, buffer == NULL || datagram == NULL, IOCP_EFAULT);
  contract_refuse_if(&call, of != NULL && of->is_read_armed, IOCP_EBUSY);
  /* The credit of datagrams counts their memory. */
  contract_may(&call, IOCP_EBUSY);
  contract_output(
      &call, datagram, datagram == NULL ? 0 : sizeof(struct iocp_datagram));
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end(
      &call, iocp_receive_from(port, socket, buffer, offset, length, datagram));
  RULE("a datagram is no longer than its buffer",
       result <= (int32_t)length || result == IOCP_PENDING);
  if (result == IOCP_PENDING && !contract_is_refused(&call))
    of->is_read_armed = true;
  return result;
}

static bool checked__is_busy(const struct contract_socket* socket) {
  return socket != NULL && socket->kind == CONTRACT_DATAGRAM &&
         socket->sends >= socket->concurrency;
}

int32_t checked_send_to(int32_t port,
                        int32_t socket,
                        const void* buffer,
                        uint32_t offset,
                        uint32_t length,
                        const void* address) {
  struct contract_call call;
  contract_begin(&call, "iocp_send_to", port);
  struct contract_socket* of = contract_find_datagram(&call, socket);
  contract_refuse_if(&call, buffer == NULL && length != 0, IOCP_EFAULT);
  contract_refuse_if(&call, length > IOCP_SEND_MAX, IOCP_EMSGSIZE);
  contract_refuse_if(&call, checked__is_busy(of), IOCP_EBUSY);
  if (address != NULL) checked_refuse_destination(&call, address);
  /* What an earlier datagram has met comes first. */
  if (contract_is_refused(&call)) contract_may(&call, IOCP_ECONNREFUSED);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end(
      &call, iocp_send_to(port, socket, buffer, offset, length, address));
  if (contract_is_refused(&call) || result < 0) return result;
  RULE("a datagram is sent as a whole",
       ((uint32_t)result & ~(uint32_t)IOCP_PENDING) == length);
  if ((result & IOCP_PENDING) != 0) of->sends++;
  return result;
}

static uint64_t checked__padded(uint64_t bytes) { return (bytes + 7) & ~7ull; }

/* Of the path of a datagram among others, which follows its header. */
static uint64_t checked__path(const struct iocp_datagram* header) {
  return header->from.family == IOCP_UNIX ? checked__padded(header->from.port)
                                          : 0;
}

static uint64_t checked__size(const struct iocp_datagram* header) {
  return sizeof *header + checked__path(header) +
         checked__padded(header->length);
}

/* How many whole datagrams are in the memory, at most `count`. */
static uint32_t checked__count(const uint8_t* memory,
                               uint32_t length,
                               uint32_t count) {
  struct iocp_datagram header;
  uint64_t size = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (size + sizeof header > length) return i;
    memcpy(&header, memory + size, sizeof header);
    if (checked__path(&header) > IOCP_DATAGRAM_PATH_MAX ||
        header.length > IOCP_SEND_MAX)
      return i;
    size += checked__size(&header);
    if (size > length) return i;
  }
  return count;
}

/* Whether the socket has no addresses of the family, with which one of the
 * first `count` datagrams begins. */
static bool checked__has_other_family(const struct contract_socket* socket,
                                      const uint8_t* memory,
                                      uint32_t count) {
  struct iocp_datagram header;
  for (uint32_t i = 0; i < count; i++) {
    memcpy(&header, memory, sizeof header);
    uint16_t family = header.from.family;
    if (family != 0 && family != socket->family &&
        (family != IOCP_IPV4 || socket->family != IOCP_IPV6))
      return true;
    memory += checked__size(&header);
  }
  return false;
}

int32_t checked_send_many(int32_t port,
                          int32_t socket,
                          const void* datagrams,
                          uint32_t length,
                          uint32_t count) {
  struct contract_call call;
  contract_begin(&call, "iocp_send_many", port);
  struct contract_socket* of = contract_find_datagram(&call, socket);
  contract_refuse_if(&call, datagrams == NULL, IOCP_EFAULT);
  contract_refuse_if(&call, count == 0, IOCP_EINVAL);
  if (datagrams != NULL)
    contract_refuse_if(
        &call, checked__count(datagrams, length, count) != count, IOCP_EINVAL);
  contract_refuse_if(&call, checked__is_busy(of), IOCP_EBUSY);
  contract_may(&call, IOCP_EAFNOSUPPORT);
  contract_may(&call, IOCP_EINVAL);
  contract_may(&call, IOCP_ENOTSUP);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end(
      &call, iocp_send_many(port, socket, datagrams, length, count));
  if (contract_is_refused(&call) || result < 0) return result;
  uint32_t taken = (uint32_t)result & ~(uint32_t)IOCP_PENDING;
  RULE("at least one datagram is taken, and no more than there are",
       taken != 0 && taken <= count);
  RULE("a datagram to an address of another family is not taken",
       (result & IOCP_PENDING) != 0 ||
           !checked__has_other_family(of, datagrams, taken));
  if ((result & IOCP_PENDING) != 0) of->sends++;
  return result;
}

int32_t checked_connect_datagram(int32_t port,
                                 int32_t socket,
                                 const void* address) {
  struct contract_call call;
  contract_begin(&call, "iocp_connect_datagram", port);
  struct contract_socket* of = contract_find_datagram(&call, socket);
  if (address != NULL) checked_refuse_destination(&call, address);
  if (of != NULL && of->sends != 0) contract_may(&call, IOCP_EBUSY);
  if (!contract_goes(&call)) return 0;
  return contract_end_zero(&call, iocp_connect_datagram(port, socket, address));
}

int32_t checked_membership(int32_t port,
                           int32_t socket,
                           const void* group,
                           const void* source,
                           uint32_t interface_index,
                           uint32_t joins) {
  struct contract_call call;
  contract_begin(&call, "iocp_membership", port);
  struct contract_socket* of = contract_find_datagram(&call, socket);
  contract_refuse_if(&call, group == NULL, IOCP_EFAULT);
  contract_refuse_if(&call, joins > 1, IOCP_EINVAL);
  bool is_ip = of != NULL && of->kind == CONTRACT_DATAGRAM &&
               of->family != IOCP_UNIX && group != NULL;
  if (is_ip) {
    struct iocp_address of_group;
    memcpy(&of_group, group, sizeof of_group);
    bool has_source = source != NULL;
    contract_refuse_if(
        &call,
        (of_group.family != IOCP_IPV4 && of_group.family != IOCP_IPV6) ||
            (of_group.family == IOCP_IPV6 && of->family == IOCP_IPV4) ||
            (has_source && checked_family(source) != of_group.family),
        IOCP_EAFNOSUPPORT);
    contract_refuse_if(&call, !checked__is_group(&of_group), IOCP_EINVAL);
  }
  contract_may(&call, IOCP_EAFNOSUPPORT);
  contract_may(&call, IOCP_EINVAL);
  contract_may(&call, IOCP_ENOTSUP);
  contract_may(&call, IOCP_EADDRNOTAVAIL);
  contract_may(&call, IOCP_EADDRINUSE);
  if (!contract_goes(&call)) return 0;
  return contract_end_zero(
      &call,
      iocp_membership(port, socket, group, source, interface_index, joins));
}

int32_t checked_interface_index(int32_t port, const void* address) {
  struct contract_call call;
  contract_begin(&call, "iocp_interface_index", port);
  contract_refuse_if(&call, address == NULL, IOCP_EFAULT);
  contract_may(&call, IOCP_EADDRNOTAVAIL);
  contract_may(&call, IOCP_EAFNOSUPPORT);
  if (!contract_goes(&call)) return 0;
  return contract_end(&call, iocp_interface_index(port, address));
}
