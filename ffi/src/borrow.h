/* SPDX-License-Identifier: MIT */
/*
 * Sockets that stay their user's, for the callback API. The port receives on
 * such a handle, or accepts from it, and touches nothing else of it: neither
 * its options nor its blocking mode, and it never closes it.
 *
 * The user may close the handle at any time, and the system may give its number
 * to another one at once. So a handle that was borrowed is held against its
 * identity before it is used.
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
  uint32_t receive_max; /* bytes that a stream's record has at most */
  struct engine_identity identity;
  void* owner; /* whose socket it is; NULL: nobody wants to know any more */
};

/* Checks borrow->handle, takes down its identity, and claims it for the port,
 * which must be open: no port will take it a second time. Any thread, but one
 * at a time. Returns 0 or -IOCP_E... with nothing changed. */
int32_t engine_borrow(struct borrow* borrow,
                      struct port* port,
                      bool is_listener);

/* Makes socket->borrow, which was claimed for its port, what the socket works
 * on. Returns 0 or -IOCP_E...; the handle is left alone then. */
int32_t engine_borrow_enter(struct socket* socket);

/* True when the handle is closed, or another one by now. */
bool engine_is_lost(const struct socket* socket);

/* The handle that a borrowed listener has accepted into `accepted`, a slot that
 * no port has: it is the caller's from now on, and the slot is to be freed. */
iocp_os_socket engine_take_handle(struct socket* accepted);

/* The engine's own: steps of a close for borrowed sockets. */
void borrow_cancel(struct socket* socket);
void borrow_return(struct socket* socket);

#endif /* IOCP_BORROW_H */
