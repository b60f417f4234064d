/* SPDX-License-Identifier: MIT */
/* The receiving side of a connected stream. */
#ifndef IOCP_RECEIVER_H
#define IOCP_RECEIVER_H

#include "batch.h"

/* The most that the credit of a socket may be. */
#define RECEIVER_CREDIT_MAX (1u << 30)

/* Each returns as the function of iocp.h does. */
int32_t receiver_add_credit(struct socket* socket, uint32_t bytes);
int32_t receiver_read(struct socket* socket, void* buffer, uint32_t length);

/* Reports what has arrived. Returns true when READY_RECEIVE stays set: there
 * may be more to receive, or the slab has no room. */
bool receiver_deliver(struct socket* socket, struct batch* batch);

#endif /* IOCP_RECEIVER_H */
