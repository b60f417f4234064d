/* SPDX-License-Identifier: MIT */
/* Local sockets: named pipes and unix sockets. */
#include "engine.h"
#include "errors.h"
#include "pipe.h"
#include "pipe_connect.h"
#include "pipe_listen.h"

int32_t engine_listen_path(struct socket* socket,
                           const struct path_access* access) {
  if (pipe_is(socket)) return pipe_listen(socket, access);
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

int32_t engine_connect_path(struct socket* socket) {
  if (pipe_is(socket)) return pipe_connect(socket);
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}

int32_t engine_get_path(struct socket* socket,
                        uint32_t end,
                        struct iocp_path* name_out) {
  (void)end;
  /* Both ends of a pipe have its name. */
  if (socket->path != NULL) {
    path_copy(socket, name_out);
    return 0;
  }
  name_out->family = socket->family;
  name_out->length = 0;
  return 0;
}

/* The process that connected, or that made the pipe. */
static int32_t local__pipe_peer(struct socket* socket,
                                struct iocp_peer* peer_out) {
  ULONG pid;
  BOOL is_known = socket->engine.is_pipe_server
                      ? GetNamedPipeClientProcessId(pipe_handle(socket), &pid)
                      : GetNamedPipeServerProcessId(pipe_handle(socket), &pid);
  if (!is_known) return errors_fail(socket->port, GetLastError());
  *peer_out = (struct iocp_peer){
      .pid = pid, .uid = IOCP_PEER_UNKNOWN, .gid = IOCP_PEER_UNKNOWN};
  return 0;
}

int32_t engine_get_peer(struct socket* socket, struct iocp_peer* peer_out) {
  if (pipe_is(socket)) return local__pipe_peer(socket, peer_out);
  return port_fail(socket->port, -IOCP_ENOTSUP, 0);
}
