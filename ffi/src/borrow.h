/* SPDX-License-Identifier: MIT */
/*
 * Borrowed sockets: those of the callback API, whose handles stay the caller's.
 * The port receives on such a handle, or accepts from it, and nothing else: it
 * changes neither its options nor its blocking mode, and never closes it.
 *
 * The caller may close the handle at any time, and the system may reuse its
 * number at once. So the identity of the socket behind a borrowed handle is
 * compared before the handle is used.
 */
#ifndef IOCP_BORROW_H
#define IOCP_BORROW_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp_callback.h"
#include "platform.h"

struct port;
struct socket;

struct borrow {
  iocp_os_socket handle;
  uint32_t receive_max; /* the most bytes of one record of a stream */
  struct engine_identity identity;
  void* owner; /* the struct callback_socket, until its last call */
};

/* Checks borrow->handle, records its identity, and claims it for the port,
 * which must be open: no port can claim it again. Any thread, one at a time.
 * Returns 0 or -IOCP_E... with nothing changed. */
int32_t engine_borrow(struct borrow* borrow,
                      struct port* port,
                      bool is_listener);

/* Makes socket->borrow, which was claimed for its port, the socket's handle.
 * Returns 0 or -IOCP_E..., and then leaves the handle alone. */
int32_t engine_borrow_enter(struct socket* socket);

/* Returns 0 while the borrowed handle is that of the socket, -IOCP_ECANCELED
 * when it is closed or belongs to another socket, and another error when the
 * system cannot be asked. */
int32_t engine_check_handle(const struct socket* socket);

/* Returns the handle that a borrowed listener has accepted into `accepted`, a
 * slot that is on no port. The caller owns the handle, and frees the slot. */
iocp_os_socket engine_release_accepted(struct socket* accepted);

/* For the engine: the steps of a close for a borrowed socket. */
void borrow_cancel(struct socket* socket);
void borrow_return(struct socket* socket);

#endif /* IOCP_BORROW_H */
