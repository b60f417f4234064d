/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_ERRORS_H
#define IOCP_WINDOWS_ERRORS_H

#include "port.h"

/* The library's code for a number of GetLastError() or WSAGetLastError(),
 * negated. */
int32_t errors_of(DWORD native);

/* The same for the status in an OVERLAPPED. A status < 0 is a failure: that
 * includes warnings such as 0x8000000A, which NT_ERROR() does not. */
int32_t errors_of_status(LONG status);

/* The result of errors_of(), noted as the port's last failure. */
int32_t errors_fail(struct port* port, DWORD native);

#endif /* IOCP_WINDOWS_ERRORS_H */
