/* SPDX-License-Identifier: MIT */
#include "connector.h"

#include "engine.h"
#include "memory.h"
#include "port_table.h"

int32_t iocp_connect(int32_t port_name, const void* remote, const void* local) {
  int32_t error;
  struct port* port = port_table_find(port_name, &error);
  if (port == NULL) return error;
  if (remote == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  /* Callers of other languages have them in bytes, at any alignment. */
  struct iocp_address to, from;
  memory_copy(&to, remote, sizeof to);
  if (local != NULL) memory_copy(&from, local, sizeof from);
  struct socket* socket = socket_new(port, SOCKET_CONNECTING);
  if (socket == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  int32_t result = engine_connect(socket, &to, local != NULL ? &from : NULL);
  if (result >= 0) return socket->name;
  socket_free(socket);
  return result;
}

int32_t iocp_add_socket(int32_t port_name, double os_socket, uint32_t flags) {
  int32_t error;
  struct port* port = port_table_find(port_name, &error);
  if (port == NULL) return error;
  if ((flags & ~(uint32_t)IOCP_DETACHED) != 0)
    return port_fail(port, -IOCP_EINVAL, 0);
  struct socket* socket = socket_new(port, SOCKET_STREAM);
  if (socket == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  int32_t result = engine_adopt(socket, os_socket, flags);
  if (result >= 0) return socket->name;
  socket_free(socket);
  return result;
}

/* Where nobody listens, the system may choose that very port as the own one,
 * and TCP connects a socket with itself: whoever waits for a server to start
 * would talk to himself, and the server would find its port taken. Go's net
 * package looks for the same. */
static bool connector__has_met_itself(const struct socket* socket) {
  const struct iocp_address* peer = &socket->peer;
  const struct iocp_address* local = &socket->local;
  return socket->local_known && local->port == peer->port &&
         local->family == peer->family &&
         memory_compare(local->bytes, peer->bytes, sizeof local->bytes) == 0;
}

/* A zone is a part of link-local addresses only (RFC 4007 section 6). */
static bool connector__has_zone(const struct iocp_address* address) {
  return address->family == 6 && address->bytes[0] == 0xfe &&
         (address->bytes[1] & 0xc0) == 0x80;
}

/* The address that was asked for may have another writing than the peer's: the
 * unspecified one is this machine's, and a zone may have no meaning for it. */
static void connector__learn_peer(struct socket* socket) {
  static const uint8_t unspecified[sizeof socket->peer.bytes] = {0};
  struct iocp_address* peer = &socket->peer;
  struct iocp_address learnt;
  if (engine_name(socket, IOCP_PEER, &learnt) >= 0) {
    *peer = learnt;
    /* Of the others, Linux forgets a zone, and not every Windows does. */
    if (!connector__has_zone(peer)) peer->scope = 0;
    return;
  }
  /* A connection that was reset meanwhile has none any more. */
  if (memory_compare(peer->bytes, unspecified, sizeof unspecified) != 0) return;
  if (peer->family == 4) peer->bytes[0] = 127;
  peer->bytes[peer->family == 4 ? 3 : 15] = 1;
}

/* The address does not change, so iocp_name() need not ask the system again. */
static void connector__learn_local(struct socket* socket) {
  struct iocp_address learnt;
  if (engine_name(socket, IOCP_LOCAL, &learnt) < 0) return;
  socket->local = learnt;
  socket->local_known = true;
}

void connector_done(struct socket* socket, int32_t error, int32_t native) {
  if (socket->state == SOCKET_CLOSING) {
    /* It was told as canceled. */
    socket_ready(socket, READY_CLOSE);
    return;
  }
  if (error == 0) {
    connector__learn_peer(socket);
    connector__learn_local(socket);
    if (connector__has_met_itself(socket)) error = -IOCP_ECONNREFUSED;
  }
  socket->state = SOCKET_STREAM;
  socket->connect_result = error;
  socket->detail = native;
  socket_ready(socket, READY_CONNECTED);
}
