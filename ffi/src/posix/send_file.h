/* SPDX-License-Identifier: MIT */
/* Sending files, which differs between POSIX systems. */
#ifndef IOCP_POSIX_SEND_FILE_H
#define IOCP_POSIX_SEND_FILE_H

#include <sys/stat.h>

#include "file.h"

/* Sends a part of a file without waiting for the peer. Returns the bytes sent,
 * ENGINE_WOULD_BLOCK or an error. */
int32_t send_file(struct socket* socket,
                  const struct file* file,
                  uint64_t offset,
                  uint32_t length);

/* As fstat(2). */
int send_file_status(int fd, struct stat* status_out);

/* False for the file of a system's interface, whose size is not that of what is
 * read from it. */
bool send_file_has_size(int fd);

#endif /* IOCP_POSIX_SEND_FILE_H */
