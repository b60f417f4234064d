/* SPDX-License-Identifier: MIT */
/*
 * Named pipes: sockets of the family IOCP_PIPE. Their handles are file handles,
 * of which Winsock knows nothing. Everything above the
 * engine treats it as a stream, and the list of receives, the send copies and
 * the retries are those of all sockets.
 *
 *   pipe_security.c  which users may connect
 *   pipe_listen.c    the name and its first instance
 *   pipe_accept.c    the instances that wait for a client
 *   pipe_connect.c   the client's end
 *   pipe_receive.c   reading, and what the end of a pipe looks like
 *   pipe_send.c      writing
 *   pipe_adopt.c     handles that others have opened
 *   pipe.c           handles: entering a port, closing, the two ends
 *
 * The documentation does not say all of what happens to data when an end is
 * closed. Where a comment names npfs, it was read in the source of ReactOS
 * (drivers/filesystems/npfs), which implements the driver of the same name.
 */
#ifndef IOCP_WINDOWS_PIPE_H
#define IOCP_WINDOWS_PIPE_H

#include "engine.h"

/* "The entire pipe name string can be up to 256 characters long"
 * (CreateNamedPipe()). */
#define PIPE_NAME_MAX 256

/* Writes the name for the system, with a zero at its end. Returns 0,
 * -IOCP_EINVAL (not the name of a pipe of this machine), or
 * -IOCP_ENAMETOOLONG. */
int32_t pipe_name(const struct iocp_path* path,
                  WCHAR name_out[PIPE_NAME_MAX + 1]);

static inline bool pipe_is(const struct socket* socket) {
  return socket->family == IOCP_PIPE;
}

/* Associates a handle with the port, so that its packets are known, and sets
 * its modes. Returns 0 or the system's error. */
DWORD pipe_associate(struct port* port, HANDLE handle, bool* skips_packets_out);

/* Makes a connected handle that is on the port, or relays, the socket's. */
void pipe_enter(struct socket* socket, HANDLE handle, bool is_server);

HANDLE pipe_handle(const struct socket* socket);

/* For op_started(), right after the call: gives the errors that mean a lack of
 * memory the number that op_may_be_retried() knows. */
bool pipe_called(BOOL has_succeeded);

/* ---- closing */

/* Cancels everything in flight. */
void pipe_cancel(struct socket* socket);

/* Closes the handle, if there is one. */
void pipe_close(struct socket* socket, bool reset);

#endif /* IOCP_WINDOWS_PIPE_H */
