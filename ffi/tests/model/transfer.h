/* SPDX-License-Identifier: MIT */
/* Sending and receiving. */
#ifndef MODEL_TRANSFER_H
#define MODEL_TRANSFER_H

#include <stdint.h>

struct op;
struct sock;

/* Bytes have arrived, or there is room: posted operations continue. */
void transfer_moved(struct sock* sock);

/* There is room for pending sends. */
void transfer_has_room(struct sock* sock);

/* Moves bytes from the stream to the buffer of a receive. */
uint32_t transfer_read(struct op* op);

#endif /* MODEL_TRANSFER_H */
