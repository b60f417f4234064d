/* SPDX-License-Identifier: MIT */
#ifndef IOCP_LINUX_HANDLE_H
#define IOCP_LINUX_HANDLE_H

#include <signal.h>

/* epoll refuses a second entry in the same port only, so an adopted socket gets
 * a mark that all ports see: the signal that its file would send if it were
 * ever told to send one. On Windows the file has such a mark by itself. */
#define HANDLE_ADOPTED SIGURG

/* A new TCP handle of the address family, or -1 with errno. */
int handle_open(int family);

#endif /* IOCP_LINUX_HANDLE_H */
