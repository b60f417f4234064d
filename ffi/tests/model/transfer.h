/* SPDX-License-Identifier: MIT */
/* Sending and receiving. */
#ifndef MODEL_TRANSFER_H
#define MODEL_TRANSFER_H

#include <stdint.h>

struct op;
struct sock;

/* Something has arrived, or there is room: what is posted goes on. */
void transfer_moved(struct sock* sock);

/* There is room for what is to be sent. */
void transfer_has_room(struct sock* sock);

/* Takes what there is for a receive out of the stream. */
uint32_t transfer_take(struct op* op);

#endif /* MODEL_TRANSFER_H */
