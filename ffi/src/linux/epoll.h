/* SPDX-License-Identifier: MIT */
/* What the files of the Linux engine share. */
#ifndef IOCP_LINUX_EPOLL_H
#define IOCP_LINUX_EPOLL_H

#include "engine.h"

/* Enters the socket's handle into the port's epoll instance. */
int32_t epoll_enter(struct socket* socket);

/* A new TCP handle of the address family, or -1 with errno. */
int socket_open(int family);

/* A connection that was under way has an answer. */
void connect_finish(struct socket* socket);

#endif /* IOCP_LINUX_EPOLL_H */
