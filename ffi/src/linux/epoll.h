/* SPDX-License-Identifier: MIT */
#ifndef IOCP_LINUX_EPOLL_H
#define IOCP_LINUX_EPOLL_H

#include "engine.h"

/* Enters the socket's handle into the port's epoll instance. */
int32_t epoll_enter(struct socket* socket);

#endif /* IOCP_LINUX_EPOLL_H */
