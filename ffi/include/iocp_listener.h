/* SPDX-License-Identifier: MIT */
/* Listeners for TCP and for local sockets; see iocp.h. */
#ifndef IOCP_API_LISTENER_H
#define IOCP_API_LISTENER_H

#include <stdint.h>

#include "iocp_address.h"
#include "iocp_export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of iocp_listen(). */
#define IOCP_IPV6_ONLY 1    /* otherwise an IPv6 wildcard accepts IPv4 too */
#define IOCP_REUSE_PORT 2   /* SO_REUSEPORT; Windows: -IOCP_ENOTSUP */
#define IOCP_ALL_NO_DELAY 4 /* sets IOCP_NO_DELAY on accepted connections */

/* Flags of iocp_listen_path(). */
#define IOCP_REPLACE_STALE 8 /* a socket file that no socket is bound to */
#define IOCP_EVERYONE 16     /* every user of this machine may connect */

/*
 * Binds and listens. `address` points to a struct iocp_address; the system
 * limits `backlog`. Returns the id of the listener. Nothing is accepted before
 * iocp_accept().
 */
IOCP_API int32_t iocp_listen(int32_t port,
                             const void* address,
                             uint32_t backlog,
                             uint32_t flags);

/*
 * The same for a local socket; `path` points to a struct iocp_path. A name that
 * is too long for the system returns -IOCP_ENAMETOOLONG, and a kind of socket
 * that it does not have -IOCP_ENOTSUP.
 *
 * IOCP_UNIX: `mode` has the permission bits of the socket file (0 to 0777),
 * which are set before any process can connect, or is IOCP_MODE_DEFAULT; an
 * abstract name has none. A path that exists returns -IOCP_EADDRINUSE, unless
 * IOCP_REPLACE_STALE is set and it is a socket file that refuses connections,
 * as it does when its process has ended without removing it. Such a file is
 * replaced, under a lock of the folder (flock(2)), so that of two listeners
 * that start together one gets -IOCP_EADDRINUSE. -IOCP_EBUSY: another process
 * has held that lock for 100 ms. The file is removed when the listener is
 * closed, if it is still that of the listener. `access` must be NULL. Windows
 * has no `mode` (-IOCP_ENOTSUP), and the lock is a file, PATH.lock, which
 * exists as long as the listener is open.
 *
 * IOCP_PIPE: only the current user may connect, unless IOCP_EVERYONE is set or
 * `access` points to `access_length` bytes of UTF-8: a security descriptor as a
 * string (SDDL), which must let this process make further instances. `mode`
 * must be IOCP_MODE_DEFAULT. A name that has an instance, of any process,
 * returns -IOCP_EADDRINUSE. Clients on other machines are refused.
 */
IOCP_API int32_t iocp_listen_path(int32_t port,
                                  const void* path,
                                  uint32_t backlog,
                                  uint32_t flags,
                                  uint32_t mode,
                                  const void* access,
                                  uint32_t access_length);
#define IOCP_MODE_DEFAULT 0xFFFFFFFFu

/*
 * Adopts a socket that listens already, for TCP or as a unix socket: one of a
 * service manager, another process or another library. Ownership is as with
 * iocp_add_socket(). The backlog stays that of its maker, and IOCP_BACKLOG is 0
 * until it is set; on Windows it cannot be. IOCP_ALL_NO_DELAY has no effect on
 * a unix socket, whose file is left to its maker. IOCP_DETACHED: it comes from
 * iocp_take(), and may be on a port of the process that passed it. Returns the
 * id of the listener, -IOCP_ENOTSOCK, -IOCP_EINVAL (it does not listen for
 * streams), -IOCP_EAFNOSUPPORT, -IOCP_EEXIST (it is on a port of this process
 * already; Windows: of any), or -IOCP_ENOTSUP (Windows: it was made without
 * WSA_FLAG_OVERLAPPED).
 *
 * Other processes that have the socket as well share its modes, such as
 * O_NONBLOCK, which is set. Each connection goes to one of them.
 */
IOCP_API int32_t iocp_add_listener(int32_t port,
                                   double os_socket,
                                   uint32_t flags);

/*
 * Sets how many accepts are posted at a time (0 to IOCP_ACCEPT_MAX). 0 stops
 * accepting: accepts that are posted stay posted, and their connections are
 * delivered once the count is above 0 again; only connections that wait for
 * their first byte (IOCP_DEFER_ACCEPT) are still delivered. Each connection is
 * one IOCP_ACCEPTED. When the system is out of descriptors or memory, one
 * IOCP_ACCEPTED has the error (result < 0); the listener stays open, and
 * accepting is retried until it succeeds. Returns 0.
 */
IOCP_API int32_t iocp_accept(int32_t port, int32_t listener, uint32_t count);
#define IOCP_ACCEPT_MAX 1024

/*
 * Stops accepting for good, and leaves connections that wait in the backlog to
 * other processes that have the socket. Those that the system has accepted are
 * still delivered, so the listener is to be closed when its accepts_posted (on
 * Windows), accepts_ready and accepts_deferred are 0; on Windows, with
 * IOCP_DEFER_ACCEPT, connections without data are reset. From then on
 * iocp_accept() returns -IOCP_ESHUTDOWN, and a socket file is not removed.
 * Returns 0, or -IOCP_ENOTSUP for a named pipe, of which no other process
 * accepts.
 */
IOCP_API int32_t iocp_stop(int32_t port, int32_t listener);

#ifdef __cplusplus
}
#endif

#endif /* IOCP_API_LISTENER_H */
