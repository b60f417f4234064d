/* SPDX-License-Identifier: MIT */
/*
 * Sockets that are passed to other processes; see iocp.h.
 *
 * The process that is to have the socket makes an inbox, and sends its address
 * to the other one, over any channel. That one passes the socket to the
 * address, which gives a ticket, and sends the ticket back. The first one takes
 * the socket with it. A ticket is good for one time, in the process of the
 * inbox. Both processes then have the socket; it is closed when both have
 * closed it. Tickets and addresses are to come from processes that are trusted.
 */
#ifndef IOCP_API_PASS_H
#define IOCP_API_PASS_H

#include <stdint.h>

#include "iocp_export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most bytes of an address of an inbox, and of a ticket. */
#define IOCP_INBOX_MAX 64
#define IOCP_TICKET_MAX 1024

/*
 * Writes the address of the port's inbox, which is made if it does not exist
 * yet. Returns its length, or -IOCP_EINVAL when `capacity` is below
 * IOCP_INBOX_MAX.
 *
 * On Linux the inbox is a unix datagram socket with an abstract name, which is
 * closed with its port, together with the sockets that were not taken. It holds
 * those of `net.unix.max_dgram_qlen` tickets (usually 10), and the port the
 * last 16 whose tickets were passed over. On Windows a socket that is never
 * taken stays open as long as the process (WSADuplicateSocketW()).
 */
IOCP_API int32_t iocp_inbox(int32_t port, void* address, uint32_t capacity);

/*
 * Passes a socket to the inbox at `address`: the listener `socket`, or, where
 * that is -1, the stream `os_socket`, a handle of IOCP_DETACH. Writes the
 * ticket and returns its length. The socket stays open here; see iocp_drop().
 * Returns -IOCP_EINVAL (no listener, no address of an inbox, or a `capacity`
 * below IOCP_TICKET_MAX), -IOCP_ENOTSUP (a named pipe, or a part of a share),
 * -IOCP_ENOTSOCK,
 * -IOCP_ECONNREFUSED (the inbox does not exist any more), or -IOCP_EBUSY (it is
 * full: its process is to take sockets first).
 */
IOCP_API int32_t iocp_pass(int32_t port,
                           int32_t socket,
                           double os_socket,
                           const void* address,
                           uint32_t length,
                           void* ticket,
                           uint32_t capacity);

/*
 * Takes the socket of a ticket. Returns its handle, which belongs to the caller
 * and is on no port: it is for iocp_add_socket() or iocp_add_listener(), with
 * IOCP_DETACHED, or for iocp_drop(). Returns -IOCP_EINVAL for what is no
 * ticket, and -IOCP_ENOENT for one whose socket is not in the inbox of the
 * port.
 */
IOCP_API int32_t iocp_take(int32_t port, const void* ticket, uint32_t length);

/*
 * Closes the handle of a socket that is on no port, without an effect on the
 * connection while another process has it. Returns 0 or -IOCP_ENOTSOCK.
 */
IOCP_API int32_t iocp_drop(int32_t port, double os_socket);

#ifdef __cplusplus
}
#endif

#endif /* IOCP_API_PASS_H */
