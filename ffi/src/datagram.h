/* SPDX-License-Identifier: MIT */
/*
 * A datagram socket: its state, and what it receives. It has no error that ends
 * it: an error is reported once, and the socket goes on.
 */
#ifndef IOCP_DATAGRAM_H
#define IOCP_DATAGRAM_H

#include "batch.h"

struct path_access;

/* What a datagram socket has besides its slot. */
struct datagram {
  /* Received, and found no room in the slab: struct datagram__kept. */
  struct list_node kept;
  /* Of an earlier datagram; not reported yet. */
  int32_t error;
  int32_t error_native;
  uint32_t retry_ms; /* the latest delay before copies are sent again */
  uint32_t multicast_interface; /* the option's value */
  uint64_t received;
  uint64_t sent;
  uint64_t dropped;
  struct engine_datagram engine; /* zeroed for the engine */
};

/* Memory of the slab that datagrams are received into. */
struct datagram_room {
  uint8_t* memory;
  uint32_t size;   /* bytes from `memory` on */
  uint32_t used;   /* of these; a multiple of 8 */
  uint32_t credit; /* receive no more than this needs, but one at least */
  uint32_t count;  /* datagrams that are in it */
  uint32_t bytes;  /* of their data */
  bool has_more;   /* more datagrams may be waiting */
  bool is_full;    /* there is one, and it may need more room than is left */
};

/* iocp_bind(). `name` is that of a unix socket, or NULL. */
int32_t datagram_open(struct port* port,
                      const struct iocp_address* address,
                      const struct iocp_path* name,
                      const struct path_access* access);

/* Releases what the socket has besides its slot. */
void datagram_free(struct socket* socket);

/* Reports what has arrived. Returns true when READY_RECEIVE stays set. */
bool datagram_deliver(struct socket* socket, struct batch* batch);

/* iocp_receive_from(); `datagram_out` is the caller's. */
int32_t datagram_receive_from(struct socket* socket,
                              void* buffer,
                              uint32_t length,
                              void* datagram_out);

/* The timer of a socket that is not closing has expired. */
void datagram_timed_out(struct socket* socket);

/* ---- for the engine */

/* Appends a datagram to the room, or keeps it for the next poll if there is
 * none. Without memory it is lost, and counted as dropped. */
void datagram_put(struct socket* socket,
                  struct datagram_room* room,
                  const struct iocp_datagram* header,
                  const void* path,
                  const void* data);

/* An error of a datagram that was sent before, which does not concern the
 * operation that has found it. The next receive reports it. */
void datagram_failed_before(struct socket* socket,
                            int32_t error,
                            int32_t native);

#endif /* IOCP_DATAGRAM_H */
