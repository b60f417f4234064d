/* SPDX-License-Identifier: MIT */
/* Names of error codes and statuses. */
#ifndef PROBE_NUMBER_H
#define PROBE_NUMBER_H

#include <winsock2.h>

/* For GetLastError() and WSAGetLastError(); "success" for 0. */
const char* number_error(DWORD error);

/* For an NTSTATUS, as in an OVERLAPPED; "success" for 0. */
const char* number_status(LONG status);

#endif /* PROBE_NUMBER_H */
