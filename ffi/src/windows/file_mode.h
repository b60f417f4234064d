/* SPDX-License-Identifier: MIT */
/* How the file object behind a handle was opened. */
#ifndef IOCP_WINDOWS_FILE_MODE_H
#define IOCP_WINDOWS_FILE_MODE_H

#include "platform.h"

/* True when the handle is known to be open for synchronous operations: a socket
 * without WSA_FLAG_OVERLAPPED. Such a one can be on no completion port. */
bool file_mode_is_synchronous(HANDLE file);

#endif /* IOCP_WINDOWS_FILE_MODE_H */
