/* SPDX-License-Identifier: MIT */
/* Stream sockets: TCP connections and those of local sockets; see iocp.h. */
#ifndef IOCP_API_STREAM_H
#define IOCP_API_STREAM_H

#include <stdint.h>

#include "iocp_address.h"
#include "iocp_export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A flag of iocp_add_socket(): the handle comes from IOCP_DETACH or
 * iocp_take(). */
#define IOCP_DETACHED 1

/*
 * Adopts a connected stream socket that was made elsewhere: a SOCKET or a file
 * descriptor, which both fit into a double, or on Windows a HANDLE of an end of
 * a named pipe. On success the port owns it and will close it; on failure the
 * caller keeps it, unchanged. Returns the id of the socket, -IOCP_ENOTSOCK,
 * -IOCP_ENOTCONN (not a connected stream), -IOCP_EEXIST (it is on a port
 * already), or -IOCP_ENOTSUP (Windows: it was made without WSA_FLAG_OVERLAPPED
 * or FILE_FLAG_OVERLAPPED, or is a pipe that does not wait or reads messages).
 */
IOCP_API int32_t iocp_add_socket(int32_t port,
                                 double os_socket,
                                 uint32_t flags);

/*
 * Starts a connection to the struct iocp_address `remote`, from `local`, which
 * may be NULL. Returns the id of the socket at once; IOCP_CONNECTED follows. A
 * socket that failed to connect must be closed like any other. A connection of
 * the socket to itself, which TCP allows when nothing listens on a port of this
 * machine, is reported as -IOCP_ECONNREFUSED with a detail of 0.
 *
 * `remote` may be a struct iocp_path instead; `local` must be NULL then. While
 * the listener has no room for the connection (its backlog is full, or every
 * instance of the pipe is busy), the attempt is repeated, until it succeeds or
 * fails or the socket is closed.
 */
IOCP_API int32_t iocp_connect(int32_t port,
                              const void* remote,
                              const void* local);

/* A bit in the result of iocp_read() and iocp_send(): a completion follows. */
#define IOCP_PENDING 0x40000000
/* The most bytes that one iocp_send() accepts. */
#define IOCP_SEND_MAX 262144

/*
 * Gives the stream credit to receive `bytes` more; the credit is at most 2^30.
 * Data arrives as IOCP_RECEIVED in the slab of iocp_poll(); a terminal
 * IOCP_RECEIVED (0 at the end of the stream, or an error) is the last one.
 * Without credit, data stays in the kernel, so that a slow consumer slows the
 * sender down. Returns 0, -IOCP_ESHUTDOWN after the terminal completion, or
 * -IOCP_EBUSY while an IOCP_READABLE is pending.
 */
IOCP_API int32_t iocp_receive(int32_t port, int32_t socket, uint32_t bytes);

/*
 * Receives what has arrived into buffer[offset .. offset + length), without the
 * slab. Returns the bytes, 0 at the end of the stream, or IOCP_PENDING when
 * there is no data: then one IOCP_READABLE follows when it is time to call
 * again. Returns -IOCP_EBUSY while the stream has credit of iocp_receive(), or
 * an IOCP_READABLE is pending.
 */
IOCP_API int32_t iocp_read(int32_t port,
                           int32_t socket,
                           void* buffer,
                           uint32_t offset,
                           uint32_t length);

/*
 * Sends buffer[offset .. offset + length) without blocking. What the system
 * does not accept at once is copied and sent later. Returns the number of bytes
 * accepted, at most IOCP_SEND_MAX, with the bit IOCP_PENDING if some were
 * copied: then one IOCP_SENT follows, when the copy was sent or has failed.
 * Until then further sends return -IOCP_EBUSY, unless IOCP_SEND_CONCURRENCY
 * allows more. Returns -IOCP_EPIPE after iocp_shutdown().
 */
IOCP_API int32_t iocp_send(int32_t port,
                           int32_t socket,
                           const void* buffer,
                           uint32_t offset,
                           uint32_t length);

/*
 * Sends the same bytes to `count` sockets: results[i] (an int32_t) is the
 * result of iocp_send() for sockets[i] (an int32_t). A failure of one does not
 * affect the others. Returns the number of results that differ from `length`,
 * or an error when nothing was sent at all.
 */
IOCP_API int32_t iocp_broadcast(int32_t port,
                                const void* sockets,
                                void* results,
                                uint32_t count,
                                const void* buffer,
                                uint32_t offset,
                                uint32_t length);

/*
 * Whether the peer is receiving: returns 1 in the first call, and when the
 * peer's system has acknowledged at least 64 bytes since the last call that
 * returned 1; otherwise 0, also where the system does not report
 * acknowledgments (Windows before version 1703 of Windows 10, and Wine). An
 * IOCP_SENT shows progress as well, but with a slow peer there is only one for
 * each 262,144 bytes. The peer of a unix socket shows it when it has received a
 * message of the system, which is up to 36 KiB of a send.
 */
IOCP_API int32_t iocp_progress(int32_t port, int32_t socket);

/*
 * Sends FIN once everything was sent: the end of the sending direction. Returns
 * 0; IOCP_SHUT follows. Later sends and shutdowns return -IOCP_EPIPE. A named
 * pipe has no such end: -IOCP_ENOTSUP.
 */
IOCP_API int32_t iocp_shutdown(int32_t port, int32_t socket);

#ifdef __cplusplus
}
#endif

#endif /* IOCP_API_STREAM_H */
