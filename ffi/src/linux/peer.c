/* SPDX-License-Identifier: MIT */
#include <sys/socket.h>

#include "engine.h"
#include "errors.h"

int32_t engine_get_peer(struct socket* socket, struct iocp_peer* peer_out) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt(socket->engine.fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) <
      0)
    return errors_fail(socket->port);
  /* A process of a namespace that this one does not see has the number 0
   * (pid_namespaces(7)). */
  peer_out->pid = peer.pid == 0 ? IOCP_PEER_UNKNOWN : (uint32_t)peer.pid;
  peer_out->uid = peer.uid;
  peer_out->gid = peer.gid;
  return 0;
}
