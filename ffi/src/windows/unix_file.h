/* SPDX-License-Identifier: MIT */
/*
 * The file of a listening unix socket, which bind() makes and nothing removes.
 *
 * A listener holds PATH.lock open, which no other process can open meanwhile,
 * and which the system removes when the handle is closed, whatever ends the
 * process. So a listener of this library is never taken for one that is gone,
 * even while it refuses connections: before listen(), and with a full backlog
 * (listen(), remarks). PostgreSQL has such a file beside its sockets too.
 */
#ifndef IOCP_WINDOWS_UNIX_FILE_H
#define IOCP_WINDOWS_UNIX_FILE_H

#include "unix_address.h"

/* Takes the lock. Returns 0 or -IOCP_E..., -IOCP_EADDRINUSE if it is held. */
int32_t unix_file_lock(struct socket* listener);

/* Removes a file that is a socket and refuses connections. Returns false if it
 * is still there. */
bool unix_file_remove_stale(struct socket* listener,
                            const struct unix_address* address,
                            int length);

/* The file was made: notes which one it is. */
void unix_file_made(struct socket* listener);

/* Removes the file, if it is still the listener's, and releases the lock. */
void unix_file_remove(struct socket* listener);

#endif /* IOCP_WINDOWS_UNIX_FILE_H */
