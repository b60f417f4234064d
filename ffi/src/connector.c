/* SPDX-License-Identifier: MIT */
#include "connector.h"

#include "engine.h"
#include "memory.h"
#include "path.h"
#include "system.h"

/* How often a listener without room is tried again. */
#define CONNECTOR__RETRY_MIN_MS 1
#define CONNECTOR__RETRY_MAX_MS 50

int32_t connector_start(struct port* port,
                        const struct iocp_address* remote,
                        const struct iocp_address* local) {
  struct socket* socket = socket_new(port, SOCKET_CONNECTING);
  if (socket == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  int32_t result = engine_connect(socket, remote, local);
  if (result >= 0) return socket->id;
  socket_free(socket);
  return result;
}

/* ---- local sockets */

/* Returns 0 or an error. */
static int32_t connector__try(struct socket* socket) {
  struct path* path = socket->path;
  int32_t result = engine_connect_path(socket);
  if (result != ENGINE_WOULD_BLOCK) return result;
  path->retry_ms =
      path->retry_ms == 0 ? CONNECTOR__RETRY_MIN_MS : path->retry_ms * 2;
  if (path->retry_ms > CONNECTOR__RETRY_MAX_MS)
    path->retry_ms = CONNECTOR__RETRY_MAX_MS;
  timers_arm(&socket->port->timers, socket, system_now_ms(), path->retry_ms);
  return 0;
}

int32_t connector_start_path(struct port* port, const struct iocp_path* name) {
  struct socket* socket = socket_new(port, SOCKET_CONNECTING);
  if (socket == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  int32_t result = path_set(socket, name) ? connector__try(socket)
                                          : port_fail(port, -IOCP_ENOMEM, 0);
  if (result >= 0) return socket->id;
  socket_free(socket);
  return result;
}

void connector_timed_out(struct socket* socket) {
  int32_t result = connector__try(socket);
  if (result < 0) connector_done(socket, result, socket->port->native_error);
}

/* ---- results */

/* When nothing listens on a port of this machine, the system may choose that
 * very port as the local one, and TCP connects the socket to itself: a client
 * that waits for its server to start would talk to itself, and the server would
 * find its port in use. Go's net package checks for the same. */
static bool connector__is_self_connect(const struct socket* socket) {
  const struct iocp_address* peer = &socket->peer;
  const struct iocp_address* local = &socket->local;
  return socket->local_known && local->port == peer->port &&
         local->family == peer->family &&
         memory_compare(local->bytes, peer->bytes, sizeof local->bytes) == 0;
}

/* Only link-local addresses have a zone (RFC 4007, section 6). */
static bool connector__has_zone(const struct iocp_address* address) {
  return address->family == 6 && address->bytes[0] == 0xfe &&
         (address->bytes[1] & 0xc0) == 0x80;
}

/* The peer's address may differ from the requested one: the unspecified
 * address means this machine, and a zone may not apply. */
static void connector__query_peer(struct socket* socket) {
  static const uint8_t unspecified[sizeof socket->peer.bytes] = {0};
  struct iocp_address* peer = &socket->peer;
  struct iocp_address address;
  if (engine_get_address(socket, IOCP_PEER, &address) >= 0) {
    *peer = address;
    /* Linux drops a zone that does not apply; Windows is not documented to. */
    if (!connector__has_zone(peer)) peer->scope = 0;
    return;
  }
  /* The connection was reset meanwhile, so the system has no peer for it. */
  if (memory_compare(peer->bytes, unspecified, sizeof unspecified) != 0) return;
  if (peer->family == 4) peer->bytes[0] = 127;
  peer->bytes[peer->family == 4 ? 3 : 15] = 1;
}

/* The address does not change, so it is queried only once. */
static void connector__query_local(struct socket* socket) {
  struct iocp_address address;
  if (engine_get_address(socket, IOCP_LOCAL, &address) < 0) return;
  socket->local = address;
  socket->local_known = true;
}

void connector_done(struct socket* socket, int32_t error, int32_t native) {
  if (socket->state == SOCKET_CLOSING) {
    /* It was reported as canceled. */
    socket_ready(socket, READY_CLOSE);
    return;
  }
  if (error == 0 && !socket_is_local(socket)) {
    connector__query_peer(socket);
    connector__query_local(socket);
    if (connector__is_self_connect(socket)) error = -IOCP_ECONNREFUSED;
  }
  socket->state = SOCKET_STREAM;
  socket->connect_result = error;
  socket->detail = native;
  socket_ready(socket, READY_CONNECTED);
}
