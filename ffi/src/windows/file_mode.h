/* SPDX-License-Identifier: MIT */
/* The modes of the file object behind a handle. */
#ifndef IOCP_WINDOWS_FILE_MODE_H
#define IOCP_WINDOWS_FILE_MODE_H

#include "platform.h"

/* True when the handle is known to be open for synchronous operations: a socket
 * made without WSA_FLAG_OVERLAPPED, which cannot be on a completion port. */
bool file_mode_is_synchronous(HANDLE file);

/* Whether an earlier owner has made the handle skip the packet of a success at
 * once: 1, 0, or -1 when the system does not report it. */
int file_mode_skips_packets(HANDLE file);

#endif /* IOCP_WINDOWS_FILE_MODE_H */
