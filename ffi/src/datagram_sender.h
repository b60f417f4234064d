/* SPDX-License-Identifier: MIT */
/*
 * The sending side of a datagram socket. Its send copies have datagrams in
 * memory, as datagram_memory.h describes.
 */
#ifndef IOCP_DATAGRAM_SENDER_H
#define IOCP_DATAGRAM_SENDER_H

#include "socket.h"

struct send_copy;

/* Datagrams in memory that are still to be sent. */
struct datagram_sending {
  const uint8_t* memory;
  uint32_t length; /* of all of them; 0: none is left */
  uint32_t bytes;  /* of the data that the latest call has sent */
};

/* Each returns as the function of iocp.h does. The header has the destination
 * and the length; `path` is that of a unix socket. */
int32_t datagram_send_to(struct socket* socket,
                         const struct iocp_datagram* header,
                         const void* path,
                         const void* data);
int32_t datagram_send_many(struct socket* socket,
                           const uint8_t* memory,
                           uint32_t length,
                           uint32_t count);

/* ---- for the engine */

/* The datagrams of a copy that are still to be sent. */
const uint8_t* datagram_copy_rest(const struct send_copy* copy,
                                  uint32_t* length_out);

/* The first `count` of them, in `memory` bytes, were sent: `bytes` of data. */
void datagram_copy_sent(struct send_copy* copy,
                        uint32_t count,
                        uint32_t memory,
                        uint32_t bytes);

/* The first of them cannot be sent. */
void datagram_copy_failed(struct send_copy* copy,
                          int32_t error,
                          int32_t native);

#endif /* IOCP_DATAGRAM_SENDER_H */
