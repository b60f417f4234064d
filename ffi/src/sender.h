/* SPDX-License-Identifier: MIT */
/* The sending side of a connected stream. */
#ifndef IOCP_SENDER_H
#define IOCP_SENDER_H

#include "batch.h"

struct file;
struct send_copy;

/* Each returns as the function of iocp.h does. `buffer` may be NULL. */
int32_t sender_send(struct socket* socket,
                    const uint8_t* buffer,
                    uint32_t offset,
                    uint32_t length);
int32_t sender_send_file(struct socket* socket,
                         struct file* file,
                         uint64_t offset,
                         uint32_t length);
int32_t sender_shutdown(struct socket* socket);

/* Reports the finished send copies. Returns true when READY_SENT stays set. */
bool sender_report_sent(struct socket* socket, struct batch* batch);

/* Finishes every pending send and shutdown of a closing socket with `error`.
 * The kernel holds nothing of the socket any more. */
void sender_abandon(struct socket* socket, int32_t error);

/* Called by the engine: the kernel has accepted `bytes` more of a copy. */
void sender_copy_progressed(struct send_copy* copy, uint32_t bytes);

/* Called by the engine: all of a copy was sent (0), or its rest never will be
 * (an error). */
void sender_copy_done(struct send_copy* copy, int32_t error, int32_t native);

#endif /* IOCP_SENDER_H */
