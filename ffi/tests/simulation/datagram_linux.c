/* SPDX-License-Identifier: MIT */
/* Datagram peers in the world that is Linux itself: plain sockets. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../shared/raw_convert.h"
#include "datagram_linux.h"
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

struct udp_peer* udp_peer_new(uint16_t family,
                              struct iocp_address* address_out) {
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
  struct udp_peer* peer = malloc(sizeof *peer);
  RULE("the simulation has memory", peer != NULL);
  peer->fd = fd;
  peer->next = datagram__peers;
  datagram__peers = peer;
  return peer;
}

bool udp_peer_send(struct udp_peer* peer,
                   const struct iocp_address* to,
                   const uint8_t* bytes,
                   uint32_t length) {
  struct sockaddr_storage system;
  socklen_t size = raw_to_system(to, &system);
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
  *from_out = raw_from_system(&system);
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
