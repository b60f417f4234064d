/* SPDX-License-Identifier: MIT */
/* Local sockets: named pipes and unix sockets. */
#include "engine.h"
#include "errors.h"
#include "handle.h"
#include "memory.h"
#include "pipe.h"
#include "pipe_connect.h"
#include "pipe_listen.h"
#include "unix_address.h"
#include "unix_connect.h"
#include "unix_listen.h"

int32_t engine_listen_path(struct socket* socket,
                           const struct path_access* access) {
  return pipe_is(socket) ? pipe_listen(socket, access)
                         : unix_listen(socket, access);
}

int32_t engine_connect_path(struct socket* socket) {
  return pipe_is(socket) ? pipe_connect(socket) : unix_connect(socket);
}

static int32_t local__query_path(struct socket* socket,
                                 uint32_t end,
                                 struct iocp_path* name_out) {
  struct unix_address system;
  int length = sizeof system;
  SOCKET handle = socket->engine.handle;
  SOCKADDR* address = (SOCKADDR*)(void*)&system;
  memory_zero(&system, sizeof system);
  int failed = end == IOCP_PEER ? getpeername(handle, address, &length)
                                : getsockname(handle, address, &length);
  if (failed) return handle_fail(socket);
  unix_address_to_path(&system, name_out);
  return 0;
}

int32_t engine_get_path(struct socket* socket,
                        uint32_t end,
                        struct iocp_path* name_out) {
  bool is_named = (end == IOCP_LOCAL) == socket->is_listener;
  if (socket->is_listener && end == IOCP_PEER)
    return port_fail(socket->port, -IOCP_ENOTCONN, 0);
  /* Both ends of a pipe have its name. */
  if (socket->path != NULL && (is_named || pipe_is(socket))) {
    path_copy(socket, name_out);
    return 0;
  }
  if (!pipe_is(socket)) return local__query_path(socket, end, name_out);
  name_out->family = IOCP_PIPE;
  name_out->length = 0;
  return 0;
}

/* The system identifies users in another way. */
static void local__set_pid(struct iocp_peer* peer_out, ULONG pid) {
  *peer_out = (struct iocp_peer){
      .pid = pid, .uid = IOCP_PEER_UNKNOWN, .gid = IOCP_PEER_UNKNOWN};
}

/* The process that connected, or that made the pipe. */
static int32_t local__pipe_peer(struct socket* socket,
                                struct iocp_peer* peer_out) {
  ULONG pid;
  BOOL is_known = socket->engine.is_pipe_server
                      ? GetNamedPipeClientProcessId(pipe_handle(socket), &pid)
                      : GetNamedPipeServerProcessId(pipe_handle(socket), &pid);
  if (!is_known) return errors_fail(socket->port, GetLastError());
  local__set_pid(peer_out, pid);
  return 0;
}

/* SIO_AF_UNIX_GETPEERPID of afunix.h: _WSAIOR(IOC_VENDOR, 256). */
#define LOCAL__GET_PEER_PID 0x58000100u

static int32_t local__unix_peer(struct socket* socket,
                                struct iocp_peer* peer_out) {
  ULONG pid = 0;
  DWORD length;
  if (WSAIoctl(socket->engine.handle,
               LOCAL__GET_PEER_PID,
               NULL,
               0,
               &pid,
               sizeof pid,
               &length,
               NULL,
               NULL) != 0)
    return handle_fail(socket);
  local__set_pid(peer_out, pid);
  return 0;
}

int32_t engine_get_peer(struct socket* socket, struct iocp_peer* peer_out) {
  return pipe_is(socket) ? local__pipe_peer(socket, peer_out)
                         : local__unix_peer(socket, peer_out);
}
