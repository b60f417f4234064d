/* SPDX-License-Identifier: MIT */
/* Multicast groups, and the interfaces that they are joined on. */
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"
#include "engine.h"
#include "errors.h"

/* The options are the same for both families (RFC 3678, section 5). */
static int membership__change(int fd,
                              int level,
                              const struct group_req* group,
                              bool joins) {
  int option = joins ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP;
  return setsockopt(fd, level, option, group, sizeof *group);
}

static int membership__change_source(int fd,
                                     int level,
                                     const struct group_source_req* group,
                                     bool joins) {
  int option = joins ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP;
  return setsockopt(fd, level, option, group, sizeof *group);
}

int32_t engine_membership(struct socket* socket,
                          const struct iocp_address* group,
                          const struct iocp_address* source,
                          uint32_t interface_index,
                          bool joins) {
  struct group_source_req request;
  int level = group->family == IOCP_IPV4 ? IPPROTO_IP : IPPROTO_IPV6;
  memset(&request, 0, sizeof request);
  request.gsr_interface = interface_index;
  address_to_system(group, &request.gsr_group);
  if (source != NULL) address_to_system(source, &request.gsr_source);
  struct group_req any_source = {.gr_interface = interface_index,
                                 .gr_group = request.gsr_group};
  int fd = socket->engine.fd;
  int failed = source == NULL
                   ? membership__change(fd, level, &any_source, joins)
                   : membership__change_source(fd, level, &request, joins);
  return failed ? errors_fail(socket->port) : 0;
}

static bool membership__is_of(const struct ifaddrs* entry,
                              const struct iocp_address* address) {
  struct iocp_address has;
  if (entry->ifa_addr == NULL || (entry->ifa_addr->sa_family != AF_INET &&
                                  entry->ifa_addr->sa_family != AF_INET6))
    return false;
  struct sockaddr_storage system = {.ss_family = 0};
  memcpy(&system,
         entry->ifa_addr,
         entry->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                               : sizeof(struct sockaddr_in6));
  address_from_system(&system, &has);
  return has.family == address->family &&
         memcmp(has.bytes, address->bytes, sizeof has.bytes) == 0 &&
         (address->scope == 0 || has.scope == address->scope);
}

int32_t engine_interface_index(struct port* port,
                               const struct iocp_address* address) {
  struct ifaddrs* entries;
  unsigned index = 0;
  if (getifaddrs(&entries) < 0) return errors_fail(port);
  for (const struct ifaddrs* entry = entries; entry != NULL && index == 0;
       entry = entry->ifa_next)
    if (membership__is_of(entry, address))
      index = if_nametoindex(entry->ifa_name);
  freeifaddrs(entries);
  return index != 0 ? (int32_t)index : port_fail(port, -IOCP_EADDRNOTAVAIL, 0);
}
