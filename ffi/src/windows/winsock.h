/* SPDX-License-Identifier: MIT */
/* Winsock itself: its start, and the functions beyond its import library. */
#ifndef IOCP_WINDOWS_WINSOCK_H
#define IOCP_WINDOWS_WINSOCK_H

#include "port.h"

/* Starts Winsock, once. Any thread. Returns 0 or Winsock's number. It is never
 * cleaned up, for other users of the process may count on it by then. */
int winsock_start(void);

/* What the sockets of `family` (4 or 6) have in common, asked of `handle`, one
 * of them. A function that the provider lacks, or that could not be asked for
 * this time, is NULL. */
const struct engine_provider* winsock_provider(struct port* port,
                                               unsigned family,
                                               SOCKET handle);

/* True when that lets a listener of its family accept. */
bool winsock_accepts(const struct engine_provider* provider);

/* Notes why a function of the provider is missing, as the port's last failure:
 * -IOCP_ENOTSUP when there is no such function, else what the look-up said. */
int32_t winsock_missing(struct port* port,
                        const struct engine_provider* provider);

/* Whether the socket is a true file handle of the system: 1, 0, or -1 with
 * WSAGetLastError() when it could not be asked. */
int winsock_is_ifs(SOCKET handle);

/* Takes the handle out of its completion port, where the system can do that. */
void winsock_leave_port(SOCKET handle);

/* True when SIO_TCP_INITIAL_RTO knows "no retransmissions"; see winsock.c. */
bool winsock_may_try_once(void);

/* True when a non-blocking send may lose bytes; see winsock.c. */
bool winsock_loses_sends(void);

#endif /* IOCP_WINDOWS_WINSOCK_H */
