/* SPDX-License-Identifier: MIT */
/*
 * The times of keep-alive where TCP_KEEPIDLE and TCP_KEEPINTVL are not known
 * (before Windows 10 version 1709). SIO_KEEPALIVE_VALS takes both at once, and
 * cannot be asked, so what was set is kept with the socket.
 */
#ifndef IOCP_WINDOWS_KEEP_ALIVE_H
#define IOCP_WINDOWS_KEEP_ALIVE_H

#include "engine.h"

/* True when Winsock's number says that an option is not known here. */
bool keep_alive_is_unknown(DWORD native);

/* Sets IOCP_KEEP_ALIVE_IDLE or IOCP_KEEP_ALIVE_INTERVAL. Returns 0 or Winsock's
 * number, with nothing changed. */
DWORD keep_alive_set(struct socket* socket, uint32_t option, DWORD seconds);

/* The seconds that count: what was set, or the system's. */
DWORD keep_alive_get(const struct socket* socket, uint32_t option);

/* Has the times that were set count, now that keep-alive was switched on.
 * Returns 0 or Winsock's number. */
DWORD keep_alive_switched_on(struct socket* socket);

/* How many probes there are where TCP_KEEPCNT is not known (before Windows 10
 * version 1703): "set to 10 and cannot be changed" (SIO_KEEPALIVE_VALS). */
#define KEEP_ALIVE_COUNT 10

#endif /* IOCP_WINDOWS_KEEP_ALIVE_H */
