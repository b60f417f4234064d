/* SPDX-License-Identifier: MIT */
/* The functions of iocp.h that send files. */
#include "file.h"
#include "find.h"
#include "memory.h"
#include "port.h"
#include "port_table.h"
#include "sender.h"

int32_t iocp_open_file(int32_t port_id,
                       const void* path,
                       uint32_t length,
                       void* size) {
  int32_t error;
  double bytes = 0;
  struct port* port = port_table_find(port_id, &error);
  if (port == NULL) return error;
  if (path == NULL || size == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  if (length == 0) return port_fail(port, -IOCP_EINVAL, 0);
  if (length > IOCP_FILE_PATH_MAX)
    return port_fail(port, -IOCP_ENAMETOOLONG, 0);
  /* The system would stop at it, and open another file. */
  for (uint32_t i = 0; i < length; i++)
    if (((const uint8_t*)path)[i] == 0) return port_fail(port, -IOCP_EINVAL, 0);
  int32_t result = file_open(port, path, length, &bytes);
  if (result >= 0) memory_copy(size, &bytes, sizeof bytes);
  return result;
}

int32_t iocp_send_file(int32_t port_id,
                       int32_t socket_id,
                       int32_t file_id,
                       double offset,
                       uint32_t length) {
  int32_t error;
  struct socket* socket = find_stream(port_id, socket_id, &error);
  if (socket == NULL) return error;
  struct file* file = file_find(socket->port, file_id);
  /* Also false for a number that is none. */
  bool is_within = offset >= 0 && offset + length <= IOCP_FILE_SIZE_MAX;
  if (file == NULL || !is_within)
    return port_fail(socket->port, -IOCP_EINVAL, 0);
  return sender_send_file(socket, file, (uint64_t)offset, length);
}

int32_t iocp_close_file(int32_t port_id, int32_t file_id) {
  int32_t error;
  struct port* port = port_table_find(port_id, &error);
  return port == NULL ? error : file_close(port, file_id);
}
