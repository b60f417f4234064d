/* SPDX-License-Identifier: MIT */
/*
 * A listener whose connections go to several ports of the process; see iocp.h.
 *
 *   thread of the listener                 each other thread
 *   share = iocp_share(port, listener, -1)
 *   iocp_accept(port, listener, 16)
 *                                          part = iocp_take_part(port, share)
 *                                          iocp_accept(port, part, 16)
 *                                          IOCP_ACCEPTED of part
 *
 * A connection is handed out while the port of its listener is polled, to the
 * part that has the fewest connections which its own port was not polled for
 * yet, and among these to the one that has waited longest. Those of a part that
 * is closed, or whose thread has ended, go to the others.
 */
#ifndef IOCP_API_SHARE_H
#define IOCP_API_SHARE_H

#include <stdint.h>

#include "iocp_export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most shares of a process. */
#define IOCP_SHARES_MAX 256
/* The most connections that wait for the poll of one part, so that a busy
 * thread delays few. Further ones wait in the share for any part, and the rest
 * in the backlog. */
#define IOCP_SHARE_PART_MAX 4
#define IOCP_SHARE_QUEUE_MAX 64

/*
 * Hands out the connections of a listener, which has no IOCP_ACCEPTED for them
 * from then on. `share` is -1 for a new share, or that of another listener,
 * which gets this one as well. IOCP_DEFER_ACCEPT and IOCP_FIRST_BYTE_TIMEOUT
 * are options of the parts instead, and -IOCP_ENOTSUP from then on. Returns the
 * share, -IOCP_EINVAL (no listener, a listener of another share, a part, or one
 * with these options), -IOCP_ENOENT (no such share), -IOCP_ENOTSUP (a named
 * pipe), -IOCP_EMFILE or -IOCP_ENOMEM.
 *
 * While the share has no part that accepts, connections wait in the backlog.
 * When its last listener is closed, the parts that accept deliver what it has
 * accepted, and then IOCP_CLOSED with a result of 0; without such a part it is
 * reset.
 */
IOCP_API int32_t iocp_share(int32_t port, int32_t listener, int32_t share);

/*
 * Makes a part of a share: a listener without a socket of the system. Its
 * accepted connections have the options of the system that the listener's have,
 * and those of the library that the part has. iocp_accept() with 0, iocp_stop()
 * and iocp_close() return what it was given and has not delivered, to the other
 * parts. Options of the system are -IOCP_ENOTSUP, and so is setting
 * IOCP_BACKLOG, which is 0. Returns
 * the id, -IOCP_ENOENT (there is no such share, or its listeners are closed) or
 * -IOCP_ENOMEM.
 */
IOCP_API int32_t iocp_take_part(int32_t port, int32_t share);

#ifdef __cplusplus
}
#endif

#endif /* IOCP_API_SHARE_H */
