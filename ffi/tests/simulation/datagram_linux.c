/* SPDX-License-Identifier: MIT */
/* Datagram peers in the world that is Linux itself: plain sockets. */
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "../shared/raw_convert.h"
#include "datagram_linux.h"
#include "datagrams.h"
#include "faults_linux.h"
#include "report.h"
#include "world.h"

/* The longest datagram of IPv4, which IPv6 can send as well. */
#define DATAGRAM__MAX 65507

struct udp_peer {
  int fd;
  struct udp_peer* next;
};

/* Those that are open. */
static struct udp_peer* datagram__peers;

/* An address of the simulation, whose unix sockets have numbers. */
static socklen_t datagram__to_system(const struct iocp_address* address,
                                     struct sockaddr_storage* system_out) {
  struct sockaddr_un* name = (struct sockaddr_un*)system_out;
  struct iocp_path path;
  if (address->family != IOCP_UNIX) return raw_to_system(address, system_out);
  datagrams_name(address, &path);
  memset(system_out, 0, sizeof *system_out);
  name->sun_family = AF_UNIX;
  memcpy(name->sun_path, path.bytes, path.length);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.length);
}

static struct iocp_address datagram__from_system(
    const struct sockaddr_storage* system, socklen_t size) {
  const struct sockaddr_un* name = (const struct sockaddr_un*)system;
  const size_t before = offsetof(struct sockaddr_un, sun_path);
  if (size >= sizeof(struct sockaddr_in) && system->ss_family != AF_UNIX)
    return raw_from_system(system);
  size_t length = size > before ? size - before : 0;
  /* A path may have a zero byte behind it. */
  if (length != 0 && name->sun_path[0] != 0)
    length = strnlen(name->sun_path, length);
  return datagrams_named((const uint8_t*)name->sun_path, (uint32_t)length);
}

static struct udp_peer* datagram__peer(int fd) {
  struct udp_peer* peer = malloc(sizeof *peer);
  RULE("the simulation has memory", peer != NULL);
  peer->fd = fd;
  peer->next = datagram__peers;
  datagram__peers = peer;
  return peer;
}

/* `address` has the number of its name. */
static struct udp_peer* datagram__new_unix(const struct iocp_address* address) {
  struct sockaddr_storage system;
  int fd = __real_socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return NULL;
  if (address->port == DATAGRAMS_UNNAMED) return datagram__peer(fd);
  socklen_t size = datagram__to_system(address, &system);
  RULE("a peer has a name of its own",
       bind(fd, (struct sockaddr*)&system, size) == 0);
  return datagram__peer(fd);
}

struct udp_peer* udp_peer_new(uint16_t family,
                              struct iocp_address* address_out) {
  if (family == IOCP_UNIX) return datagram__new_unix(address_out);
  struct sockaddr_storage system;
  struct iocp_address address = {.family = family};
  if (family == 4) address.bytes[0] = 127;
  address.bytes[family == 4 ? 3 : 15] = 1;
  int fd = __real_socket(family == 4 ? AF_INET : AF_INET6,
                         SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                         0);
  socklen_t size = raw_to_system(&address, &system);
  if (fd < 0) return NULL;
  if (bind(fd, (struct sockaddr*)&system, size) != 0) {
    __real_close(fd);
    return NULL;
  }
  size = sizeof system;
  RULE("a peer has an address",
       getsockname(fd, (struct sockaddr*)&system, &size) == 0);
  *address_out = raw_from_system(&system);
  return datagram__peer(fd);
}

bool udp_peer_send(struct udp_peer* peer,
                   const struct iocp_address* to,
                   const uint8_t* bytes,
                   uint32_t length) {
  struct sockaddr_storage system;
  socklen_t size = datagram__to_system(to, &system);
  return __real_sendto(
             peer->fd, bytes, length, 0, (struct sockaddr*)&system, size) ==
         (ssize_t)length;
}

int32_t udp_peer_receive(struct udp_peer* peer,
                         uint8_t* buffer,
                         uint32_t length,
                         struct iocp_address* from_out) {
  struct sockaddr_storage system;
  socklen_t size = sizeof system;
  ssize_t count =
      recvfrom(peer->fd, buffer, length, 0, (struct sockaddr*)&system, &size);
  if (count < 0) return PEER_WOULD_BLOCK;
  *from_out = datagram__from_system(&system, size);
  return (int32_t)count;
}

void udp_peer_close(struct udp_peer* peer) {
  struct udp_peer** link = &datagram__peers;
  while (*link != peer) link = &(*link)->next;
  *link = peer->next;
  __real_close(peer->fd);
  free(peer);
}

void datagram_close_peers(void) {
  while (datagram__peers != NULL) udp_peer_close(datagram__peers);
}

uint32_t world_datagram_max(uint16_t family) {
  (void)family;
  return DATAGRAM__MAX;
}

bool world_reorders_datagrams(void) { return false; }

bool world_reports_unconnected(void) { return false; }
