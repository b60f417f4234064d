/* SPDX-License-Identifier: MIT */
#include "overflow.h"

#include <sys/mman.h>

#include "memory.h"

#define OVERFLOW__SIZE ((size_t)OVERFLOW_PARTS * IOCP_DATAGRAM_MAX)

bool overflow_open(struct port* port) {
  if (port->engine.overflow == NULL)
    port->engine.overflow = memory_map(OVERFLOW__SIZE);
  return port->engine.overflow != NULL;
}

void overflow_close(struct port* port) {
  if (port->engine.overflow == NULL) return;
  memory_unmap(port->engine.overflow, OVERFLOW__SIZE);
  port->engine.overflow = NULL;
}

void overflow_discard(struct port* port) {
  if (!port->engine.overflow_is_used) return;
  port->engine.overflow_is_used = false;
  madvise(port->engine.overflow, OVERFLOW__SIZE, MADV_DONTNEED);
}
