/* SPDX-License-Identifier: MIT */
/*
 * Sockets that have several handles, because they were passed to a process.
 *
 * The ports of the library may be those of several processes. Which one makes a
 * call matters for those that pass and take sockets, and when a port is made:
 * from then on its handles are those of its process.
 */
#ifndef MODEL_DUPLICATE_H
#define MODEL_DUPLICATE_H

#include <stdint.h>
#include <winsock2.h>

struct object;
struct sock;

void duplicate_open_all(void);
void duplicate_close_all(void);

/* The number of the process that makes the next calls. */
uint32_t duplicate_process(void);

/* The socket of a handle that was taken. */
struct sock* duplicate_sock(struct object* object);

/* Removes a handle that was taken. */
void duplicate_free(struct object* object);

/* WSASocketW() with FROM_PROTOCOL_INFO. */
SOCKET duplicate_take(const WSAPROTOCOL_INFOW* info, DWORD flags);

#endif /* MODEL_DUPLICATE_H */
