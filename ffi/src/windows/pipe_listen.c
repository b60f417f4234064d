/* SPDX-License-Identifier: MIT */
#include "pipe_listen.h"

#include "errors.h"
#include "pipe.h"
#include "pipe_accept.h"
#include "pipe_security.h"

/* The process that makes the first instance of a name owns it: the flag refuses
 * a name that another program has, whose owner would otherwise choose who may
 * connect. The two errors are those of a name in use: with the flag, and when
 * the other pipe permits no further instance (CreateNamedPipe(); libuv,
 * src/win/pipe.c).
 */
static int32_t pipe_listen__error(DWORD native) {
  if (native == ERROR_ACCESS_DENIED || native == ERROR_PIPE_BUSY)
    return -IOCP_EADDRINUSE;
  return errors_of(native);
}

/* The descriptor of the first instance also decides who may make others
 * (CreateNamedPipe(), remarks). One that excludes this process would let it
 * serve one client only, which is to fail here and not then; so with a
 * descriptor of the caller the pool begins with two instances. */
static int32_t pipe_listen__start(struct socket* socket, bool has_own_access) {
  struct port* port = socket->port;
  struct pipe_instance* first;
  struct pipe_instance* second = NULL;
  DWORD native =
      pipe_accept_make(socket, FILE_FLAG_FIRST_PIPE_INSTANCE, &first);
  if (native != 0)
    return port_fail(port, pipe_listen__error(native), (int32_t)native);
  /* Wine 10 ignores the flag, so the instances are counted. If they cannot be,
   * the name may be that of another program. */
  native = pipe_accept_check_only(first);
  if (native != 0) {
    pipe_accept_drop(first);
    return port_fail(port, pipe_listen__error(native), (int32_t)native);
  }
  if (has_own_access) native = pipe_accept_make(socket, 0, &second);
  if (native == 0) native = pipe_accept_start(first);
  if (native != 0) {
    pipe_accept_drop(first);
    if (second != NULL) pipe_accept_drop(second);
    return errors_fail(port, native);
  }
  /* The pool is complete with one. */
  if (second != NULL && pipe_accept_start(second) != 0)
    pipe_accept_drop(second);
  return 0;
}

int32_t pipe_listen(struct socket* socket, const struct path_access* access) {
  struct port* port = socket->port;
  WCHAR name[PIPE_NAME_MAX + 1];
  struct engine_path* engine = &socket->path->engine;
  int32_t result = pipe_name(&socket->path->name, name);
  if (result < 0) return port_fail(port, result, 0);
  result = pipe_security_new(port, access, &engine->descriptor);
  if (result < 0) return result;
  /* There is no handle but those of the instances. */
  socket->engine.handle = INVALID_SOCKET;
  socket->is_listener = true;
  socket->engine.backlog_first = socket->backlog;
  list_open(&socket->engine.posted);
  list_open(&socket->engine.accepted);
  result = pipe_listen__start(socket, access->sddl != NULL);
  if (result >= 0) return result;
  pipe_security_free(engine->descriptor);
  engine->descriptor = NULL;
  return result;
}
