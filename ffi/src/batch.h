/* SPDX-License-Identifier: MIT */
/* The caller's arrays during one iocp_poll(). */
#ifndef IOCP_BATCH_H
#define IOCP_BATCH_H

#include "debug.h"
#include "iocp.h"
#include "socket.h"

struct batch {
  struct iocp_header* header;
  struct iocp_record* records;
  uint32_t capacity;
  uint32_t count;
  uint8_t* slab;
  uint32_t offset;
  uint32_t length;
};

static inline bool batch_is_full(const struct batch* batch) {
  return batch->count == batch->capacity;
}

/* The batch must not be full. */
static inline void batch_push(struct batch* batch,
                              const struct socket* socket,
                              int32_t kind,
                              int32_t result,
                              int32_t detail) {
  debug_check(!batch_is_full(batch));
  struct iocp_record* record = &batch->records[batch->count++];
  record->socket = socket->id;
  record->kind = kind;
  record->result = result;
  record->detail = detail;
}

#endif /* IOCP_BATCH_H */
