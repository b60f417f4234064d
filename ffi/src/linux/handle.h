/* SPDX-License-Identifier: MIT */
#ifndef IOCP_LINUX_HANDLE_H
#define IOCP_LINUX_HANDLE_H

/* A new TCP handle of the address family, or -1 with errno. */
int handle_open(int family);

#endif /* IOCP_LINUX_HANDLE_H */
