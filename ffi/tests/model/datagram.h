/* SPDX-License-Identifier: MIT */
/* The calls of datagram sockets. */
#ifndef MODEL_DATAGRAM_H
#define MODEL_DATAGRAM_H

#include <stdbool.h>
#include <winsock2.h>

struct iocp_address;
struct sock;

/* A datagram was queued: posted receives are filled. */
void datagram_moved(struct sock* sock);

/* A datagram of the socket is not in transit any more: posted sends leave. */
void datagram_has_room(struct sock* sock);

/* connect() of a datagram socket. */
int datagram_connect(struct sock* sock, const SOCKADDR* name, int length);

/* setsockopt() and getsockopt() at SOL_SOCKET: where the value is, or NULL. */
int32_t* datagram_option(struct sock* sock, int option);

/* Whether the option is one of those for memberships; and setting it. */
bool datagram_is_membership(int level, int option);
int datagram_set_membership(
    struct sock* sock, int level, int option, const char* value, int length);

/* WSAIoctl(): false if the code is not of a datagram socket. */
bool datagram_ioctl(
    struct sock* sock, DWORD code, const void* in, DWORD size, int* result);

#endif /* MODEL_DATAGRAM_H */
