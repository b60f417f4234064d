/* SPDX-License-Identifier: MIT */
/* Listening sockets, and the connections that they accept. */
#ifndef IOCP_LISTENER_H
#define IOCP_LISTENER_H

#include "batch.h"
#include "path.h"

/* A slot for a listener, or NULL when out of memory. */
struct socket* listener_new(struct port* port, uint32_t backlog);

/* Returns the id of a new listener or -IOCP_E...; `flags` are valid. */
int32_t listener_open(struct port* port,
                      const struct iocp_address* address,
                      uint32_t backlog,
                      uint32_t flags);

/* The same for a local socket; `name` and `access` are not checked yet. */
int32_t listener_open_path(struct port* port,
                           const struct iocp_path* name,
                           uint32_t backlog,
                           const struct path_access* access);

/* Adopts a socket that listens already; `flags` were checked. */
int32_t listener_add(struct port* port, double os_socket, uint32_t flags);

/* Stops accepting for good. Returns 0 or an error. */
int32_t listener_stop(struct socket* listener);

/* Sets how many accepts are posted, at most IOCP_ACCEPT_MAX. Returns 0 or an
 * error. */
int32_t listener_set_accepts(struct socket* listener, uint32_t count);

/* Accepts connections and reports them. Returns true when READY_ACCEPT stays
 * set: there may be more. */
bool listener_deliver(struct socket* listener, struct batch* batch);

/* Reports a SOCKET_DEFERRED whose peer has sent something. Returns true when
 * READY_RECEIVE stays set: the batch is full. */
bool listener_deliver_deferred(struct socket* socket, struct batch* batch);

/* Called by the engine: a connection could not be accepted, or an accept could
 * not be posted. The first failure is reported, and accepting is retried with a
 * growing delay until it succeeds. */
void listener_failed(struct socket* listener, int32_t error, int32_t native);

/* The same for accepts that could not be canceled; that is not reported. */
void listener_retry(struct socket* listener);

/* The listener's timer has expired. */
void listener_timed_out(struct socket* listener);

/* Arms the timer again; for use after a change of the deadlines that it
 * serves. */
void listener_arm(struct socket* listener);

/* Counts a connection that was reset for its first-byte timeout. */
void listener_count_first_byte_timeout(struct socket* socket);

#endif /* IOCP_LISTENER_H */
