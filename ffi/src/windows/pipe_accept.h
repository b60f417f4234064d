/* SPDX-License-Identifier: MIT */
/*
 * Accepting on a pipe: a pool of instances, each with a ConnectNamedPipe() in
 * flight. The ones with a client wait in a list for engine_accept_next(), and
 * count as part of the pool until then, as in accept.h.
 *
 * The name exists as long as an instance does, and a client that finds none
 * gets ERROR_FILE_NOT_FOUND at once instead of ERROR_PIPE_BUSY. So the listener
 * always has at least one instance of its own: an instance with a client is
 * handed out only after another one was made.
 */
#ifndef IOCP_WINDOWS_PIPE_ACCEPT_H
#define IOCP_WINDOWS_PIPE_ACCEPT_H

#include "engine.h"

struct pipe_instance;

/* Makes an instance, with FILE_FLAG_FIRST_PIPE_INSTANCE in `flags` or 0.
 * Returns 0 or the system's error. Pairs with one of the next two. */
DWORD pipe_accept_make(struct socket* listener,
                       DWORD flags,
                       struct pipe_instance** instance_out);

/* Returns 0, ERROR_ACCESS_DENIED if the pipe has other instances, or the
 * system's error. */
DWORD pipe_accept_check_only(const struct pipe_instance* instance);

/* Adds it to the pool. Returns 0, or the system's error with nothing done. */
DWORD pipe_accept_start(struct pipe_instance* instance);

/* Closes one that was not added. */
void pipe_accept_drop(struct pipe_instance* instance);

/* The engine's functions of the same names, for a pipe. */
void pipe_accept_post(struct socket* listener);
int32_t pipe_accept_next(struct socket* listener, struct socket* accepted);

/* The packet of an instance was dequeued. */
void pipe_accept_completed(struct engine_op* op);

/* Closes every instance of the listener. Clients that were not handed out yet
 * get an error, as for a listener of sockets. */
void pipe_accept_cancel_all(struct socket* listener);

#endif /* IOCP_WINDOWS_PIPE_ACCEPT_H */
