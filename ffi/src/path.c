/* SPDX-License-Identifier: MIT */
#include "path.h"

#include "memory.h"
#include "socket.h"

#define PATH__HEAD offsetof(struct iocp_path, bytes)

static bool path__has_zero(const struct iocp_path* name) {
  for (uint32_t i = 0; i < name->length; i++)
    if (name->bytes[i] == 0) return true;
  return false;
}

int32_t path_read(const void* from, struct iocp_path* name_out) {
  memory_copy(name_out, from, PATH__HEAD);
  if (name_out->family != IOCP_UNIX && name_out->family != IOCP_PIPE)
    return -IOCP_EAFNOSUPPORT;
  if (name_out->length == 0) return -IOCP_EINVAL;
  if (name_out->length > IOCP_PATH_MAX) return -IOCP_ENAMETOOLONG;
  memory_copy(
      name_out->bytes, (const uint8_t*)from + PATH__HEAD, name_out->length);
  /* A system would stop at a zero byte and use a different name. */
  bool is_abstract = name_out->family == IOCP_UNIX && name_out->bytes[0] == 0;
  return !is_abstract && path__has_zero(name_out) ? -IOCP_EINVAL : 0;
}

size_t path_size(const struct iocp_path* name) {
  return PATH__HEAD + name->length;
}

bool path_set(struct socket* socket, const struct iocp_path* name) {
  size_t size = path_size(name);
  struct path* path = memory_alloc(offsetof(struct path, name) + size + 1);
  if (path == NULL) return false;
  memory_zero(path, offsetof(struct path, name));
  path->references = 1;
  memory_copy(&path->name, name, size);
  ((uint8_t*)&path->name)[size] = 0;
  socket->family = (uint8_t)name->family;
  socket->path = path;
  return true;
}

void path_share(struct socket* socket, const struct socket* from) {
  socket->family = from->family;
  socket->path = from->path;
  if (socket->path != NULL) socket->path->references++;
}

void path_copy(const struct socket* socket, struct iocp_path* name_out) {
  const struct iocp_path* name = &socket->path->name;
  memory_copy(name_out, name, path_size(name));
}

void path_release(struct socket* socket) {
  struct path* path = socket->path;
  socket->path = NULL;
  if (path != NULL && --path->references == 0) memory_free(path);
}
