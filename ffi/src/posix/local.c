/* SPDX-License-Identifier: MIT */
/* Listening and connecting with unix sockets. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "connector.h"
#include "engine.h"
#include "errors.h"
#include "handle.h"
#include "socket_file.h"

/* Returns 0 or an error. */
static int32_t local__address(const struct socket* socket,
                              struct sockaddr_un* system_out,
                              socklen_t* length_out) {
  if (socket->family != IOCP_UNIX)
    return port_fail(socket->port, -IOCP_ENOTSUP, 0);
  *length_out = address_of_path(&socket->path->name, system_out);
  if (*length_out != 0) return 0;
  return port_fail(socket->port, -IOCP_ENAMETOOLONG, 0);
}

/* ---- listening */

static int32_t local__listen_abstract(struct socket* socket,
                                      const struct sockaddr_un* system,
                                      socklen_t length) {
  int fd = socket->engine.fd;
  if (bind(fd, (const struct sockaddr*)system, length) < 0 ||
      listen(fd, (int)socket->backlog) < 0)
    return errors_fail(socket->port);
  return handle_enter(socket);
}

int32_t engine_listen_path(struct socket* socket,
                           const struct path_access* access) {
  struct sockaddr_un system;
  socklen_t length;
  int32_t result = local__address(socket, &system, &length);
  if (result < 0) return result;
  int fd = handle_open(AF_UNIX);
  if (fd < 0) return errors_fail(socket->port);
  socket->engine.fd = fd;
  socket->is_listener = true;
  result = system.sun_path[0] == 0
               ? local__listen_abstract(socket, &system, length)
               : socket_file_listen(socket, &system, length, access);
  if (result < 0) close(fd);
  return result;
}

/* ---- connecting */

static int32_t local__connected(struct socket* socket) {
  int32_t result = handle_enter(socket);
  if (result < 0) return result;
  /* The system knows the name of the peer from here on. */
  path_release(socket);
  connector_done(socket, 0, 0);
  /* The edge for data that has come already is not to be expected. */
  socket->engine.readable = true;
  socket_ready(socket, READY_RECEIVE);
  return 0;
}

/* A refusal is reported as a completion, even if it is known at once. An
 * attempt that could not be made fails the call. */
static int32_t local__failed(struct socket* socket, int native) {
  if (native != ECONNREFUSED)
    return port_fail(socket->port, errors_of_path(native), native);
  connector_done(socket, -IOCP_ECONNREFUSED, native);
  return 0;
}

int32_t engine_connect_path(struct socket* socket) {
  struct sockaddr_un system;
  socklen_t length;
  int32_t result = local__address(socket, &system, &length);
  if (result < 0) return result;
  if (!socket->engine.is_open) {
    socket->engine.fd = handle_open(AF_UNIX);
    if (socket->engine.fd < 0) return errors_fail(socket->port);
    socket->engine.is_open = true;
  }
  int fd = socket->engine.fd;
  if (connect(fd, (const struct sockaddr*)&system, length) == 0)
    result = local__connected(socket);
  /* The backlog is full (connect(2)); no event tells when it has room. */
  else if (errno == EAGAIN)
    return ENGINE_WOULD_BLOCK;
  else
    result = local__failed(socket, errno);
  if (result >= 0) return result;
  close(fd);
  socket->engine.fd = -1;
  return result;
}

/* ---- names */

int32_t engine_get_path(struct socket* socket,
                        uint32_t end,
                        struct iocp_path* name_out) {
  struct sockaddr_storage system;
  socklen_t length = sizeof system;
  int fd = socket->engine.fd;
  if (socket->path != NULL &&
      (end == IOCP_LOCAL) == (socket->is_listener || socket->is_datagram)) {
    path_copy(socket, name_out);
    return 0;
  }
  /* It failed to connect after a wait, and never had a name of its own. */
  if (fd < 0) {
    name_out->family = IOCP_UNIX;
    name_out->length = 0;
    return 0;
  }
  int failed = end == IOCP_PEER
                   ? getpeername(fd, (struct sockaddr*)&system, &length)
                   : getsockname(fd, (struct sockaddr*)&system, &length);
  if (failed) return errors_fail(socket->port);
  address_to_path(&system, length, name_out);
  return 0;
}
