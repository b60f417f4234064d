/* SPDX-License-Identifier: MIT */
/*
 * Keep-alive times on systems without TCP_KEEPIDLE and TCP_KEEPINTVL (before
 * Windows 10 version 1709). SIO_KEEPALIVE_VALS sets both at once and cannot be
 * read, so the values are stored in the socket.
 */
#ifndef IOCP_WINDOWS_KEEP_ALIVE_H
#define IOCP_WINDOWS_KEEP_ALIVE_H

#include "engine.h"

/* True when Winsock's error means that the system does not know an option. */
bool keep_alive_is_unknown(DWORD native);

/* Sets IOCP_KEEP_ALIVE_IDLE or IOCP_KEEP_ALIVE_INTERVAL. Returns 0, or
 * Winsock's error with nothing changed. */
DWORD keep_alive_set(struct socket* socket, uint32_t option, DWORD seconds);

/* The seconds that were set, or the default of the system. */
DWORD keep_alive_get(const struct socket* socket, uint32_t option);

/* Applies the stored times after SO_KEEPALIVE was switched on. Returns 0 or
 * Winsock's error. */
DWORD keep_alive_apply(struct socket* socket);

/* The number of probes on systems without TCP_KEEPCNT (before Windows 10
 * version 1703): "set to 10 and cannot be changed" (SIO_KEEPALIVE_VALS). */
#define KEEP_ALIVE_COUNT 10

#endif /* IOCP_WINDOWS_KEEP_ALIVE_H */
