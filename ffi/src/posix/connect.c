/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "connect.h"
#include "connector.h"
#include "errors.h"
#include "handle.h"

static int32_t connect__fail(struct socket* socket) {
  int native = errno;
  return port_fail(socket->port, errors_of_connect(native), native);
}

static int32_t connect__start(struct socket* socket,
                              const struct iocp_address* remote,
                              const struct iocp_address* local) {
  int fd = socket->engine.fd;
  struct sockaddr_storage system;
  socklen_t length;
  if (local != NULL) {
    /* Without this option, bind() reserves one of the 28,232 ports for this
     * connection alone; with it, connect() chooses one that is free for the
     * destination (ip(7), since Linux 4.2). */
    int on = 1;
    if (local->port == 0)
      setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    length = address_to_system(local, &system);
    if (bind(fd, (struct sockaddr*)&system, length) < 0)
      return local->port == 0 ? connect__fail(socket)
                              : errors_fail(socket->port);
  }
  length = address_to_system(remote, &system);
  /* A success or a refusal is reported as a completion, even if it is known at
   * once. An attempt that could not be made fails the call. */
  if (connect(fd, (struct sockaddr*)&system, length) < 0 &&
      errno != EINPROGRESS && errno != EINTR) {
    if (errno != ECONNREFUSED && errno != ECONNRESET)
      return connect__fail(socket);
    int native = errno;
    connector_done(socket, errors_of_connect(native), native);
    return 0;
  }
  return handle_enter(socket);
}

int32_t engine_connect(struct socket* socket,
                       const struct iocp_address* remote,
                       const struct iocp_address* local) {
  if ((remote->family != 4 && remote->family != 6) ||
      (local != NULL && local->family != remote->family))
    return port_fail(socket->port, -IOCP_EAFNOSUPPORT, 0);
  int fd = handle_open(remote->family == 4 ? AF_INET : AF_INET6);
  if (fd < 0) return errors_fail(socket->port);
  socket->engine.fd = fd;
  socket->family = (uint8_t)remote->family;
  socket->peer = *remote;
  int32_t result = connect__start(socket, remote, local);
  if (result < 0) close(fd);
  return result;
}

void connect_finish(struct socket* socket) {
  int native = 0;
  socklen_t length = sizeof native;
  if (getsockopt(socket->engine.fd, SOL_SOCKET, SO_ERROR, &native, &length) < 0)
    native = errno;
  connector_done(socket, native == 0 ? 0 : errors_of_connect(native), native);
  /* Data may have come with the same edge, so the first receive has to try. */
  socket->engine.readable = true;
  if (native == 0) socket_ready(socket, READY_RECEIVE);
}
