/* SPDX-License-Identifier: MIT */
/* Names of the numbers that calls and operations fail with. */
#ifndef PROBE_NUMBER_H
#define PROBE_NUMBER_H

#include <winsock2.h>

/* Of GetLastError() and WSAGetLastError(); "success" for 0. */
const char* number_error(DWORD error);

/* Of an NTSTATUS, as it is in an OVERLAPPED; "success" for 0. */
const char* number_status(LONG status);

#endif /* PROBE_NUMBER_H */
