/* SPDX-License-Identifier: MIT */
/* Winsock: starting it, and what depends on its provider or version. */
#ifndef IOCP_WINDOWS_WINSOCK_H
#define IOCP_WINDOWS_WINSOCK_H

#include "port.h"

/* Starts Winsock, once. Any thread. Returns 0 or Winsock's error. WSACleanup()
 * is never called, because other code of the process may use Winsock. */
int winsock_start(void);

/* The extension functions and properties of the provider of `family`,
 * looked up through `handle`, one of its sockets. A function that the provider
 * does not have, or whose look-up failed this time, is NULL. */
const struct engine_provider* winsock_provider(struct port* port,
                                               unsigned family,
                                               SOCKET handle);

/* True when a listener can accept with these functions. */
bool winsock_accepts(const struct engine_provider* provider);

/* The error for a missing function, noted as the port's last failure:
 * -IOCP_ENOTSUP when the provider does not have it, else that of the look-up.
 */
int32_t winsock_missing(struct port* port,
                        const struct engine_provider* provider);

/* Whether the socket is a file handle of the system ("IFS handle"): 1, 0, or -1
 * with WSAGetLastError(). */
int winsock_is_ifs(SOCKET handle);

/* Removes the handle from its completion port, if the system can do that. */
void winsock_remove_from_port(SOCKET handle);

/* True when SIO_TCP_INITIAL_RTO can disable SYN retransmissions. */
bool winsock_can_disable_syn_retries(void);

/* True when a non-blocking send may lose bytes. */
bool winsock_truncates_sends(void);

/* TransmitFile(), or NULL where the provider lacks it or memory is short. */
LPFN_TRANSMITFILE winsock_transmit_file(struct port* port,
                                        unsigned family,
                                        SOCKET handle);

/* True if the system runs only two transmissions of files at a time, as the
 * client editions do (TransmitFile(), remarks). */
bool winsock_limits_transmits(void);

#endif /* IOCP_WINDOWS_WINSOCK_H */
