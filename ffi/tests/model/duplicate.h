/* SPDX-License-Identifier: MIT */
/* Sockets that are passed to another process. */
#ifndef MODEL_DUPLICATE_H
#define MODEL_DUPLICATE_H

#include <winsock2.h>

/* The ids of the processes. */
#define DUPLICATE_OWN 1000
#define DUPLICATE_OTHER 1004

/* WSASocketW() with FROM_PROTOCOL_INFO. */
SOCKET duplicate_take(DWORD flags);

#endif /* MODEL_DUPLICATE_H */
