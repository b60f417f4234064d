/* SPDX-License-Identifier: MIT */
/*
 * Datagrams in memory, as struct iocp_datagram documents them:
 *
 *   struct iocp_datagram | path, padded | data, padded | the next one
 *
 * The memory may be at any alignment, so headers are copied.
 */
#ifndef IOCP_DATAGRAM_MEMORY_H
#define IOCP_DATAGRAM_MEMORY_H

#include "iocp.h"

#define DATAGRAM_HEADER ((uint32_t)sizeof(struct iocp_datagram))

static inline uint32_t datagram_padded(uint32_t bytes) {
  return (bytes + 7) & ~7u;
}

/* Bytes of the path that follows the header. */
static inline uint32_t datagram_path_length(const struct iocp_datagram* at) {
  return at->from.family == IOCP_UNIX ? at->from.port : 0;
}

/* Where the data begins, from the header on. */
static inline uint32_t datagram_data_offset(const struct iocp_datagram* at) {
  return DATAGRAM_HEADER + datagram_padded(datagram_path_length(at));
}

/* Where the next datagram begins. */
static inline uint32_t datagram_footprint(const struct iocp_datagram* at) {
  return datagram_data_offset(at) + datagram_padded(at->length);
}

#endif /* IOCP_DATAGRAM_MEMORY_H */
