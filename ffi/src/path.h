/* SPDX-License-Identifier: MIT */
/*
 * The name of a local socket, in an allocation of its own, because the slot of
 * a socket has no room for it. Sockets of one port may share one.
 */
#ifndef IOCP_SRC_PATH_H
#define IOCP_SRC_PATH_H

#include <stdbool.h>

#include "iocp.h"
#include "platform.h"

struct socket;

struct path {
  uint32_t references;
  uint32_t retry_ms;         /* of a socket that connects: the latest delay */
  struct engine_path engine; /* zeroed for the engine */
  struct iocp_path name;     /* allocated up to a zero byte after its text */
};

/* Who may connect to a listener, as iocp_listen_path() was called. `sddl` is
 * valid during that call only. */
struct path_access {
  uint32_t flags; /* IOCP_REPLACE_STALE, IOCP_EVERYONE */
  uint32_t mode;
  const void* sddl;
  uint32_t sddl_length;
};

/* Copies a struct iocp_path of the caller, which may be shorter than the type.
 * Returns 0, or the error of a name that no system has. */
int32_t path_read(const void* from, struct iocp_path* name_out);

/* The bytes of a name that are in use. */
size_t path_size(const struct iocp_path* name);

/* Gives a new socket the name and its family. Returns false when out of
 * memory. */
bool path_set(struct socket* socket, const struct iocp_path* name);

/* Gives `socket`, which has no path, that of `from` and its family. */
void path_share(struct socket* socket, const struct socket* from);

/* Writes the socket's path, which it has. */
void path_copy(const struct socket* socket, struct iocp_path* name_out);

/* Releases the socket's path, if it has one. socket_free() does as well. */
void path_release(struct socket* socket);

#endif /* IOCP_SRC_PATH_H */
