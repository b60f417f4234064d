/* SPDX-License-Identifier: MIT */
/* How the file object behind a handle was opened, and what was asked of it. */
#ifndef IOCP_WINDOWS_FILE_MODE_H
#define IOCP_WINDOWS_FILE_MODE_H

#include "platform.h"

/* True when the handle is known to be open for synchronous operations: a socket
 * without WSA_FLAG_OVERLAPPED. Such a one can be on no completion port. */
bool file_mode_is_synchronous(HANDLE file);

/* Whether a success at once leaves no packet of the handle, which an owner
 * before may have asked for: 1, 0, or -1 when the system does not say. */
int file_mode_skips_packets(HANDLE file);

#endif /* IOCP_WINDOWS_FILE_MODE_H */
