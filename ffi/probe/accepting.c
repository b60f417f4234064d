/* SPDX-License-Identifier: MIT */
#include "accepting.h"

#include "answer.h"

void accepting_prepare(struct accepting* bed, uint32_t data_size) {
  bed->listener = loopback_listener();
  bed->target = loopback_new();
  bed->caller = INVALID_SOCKET;
  bed->port = port_new(0);
  bed->operation = operation_new_accept(data_size);
  port_tie(bed->port, bed->listener);
}

void accepting_post(struct accepting* bed) {
  DWORD error = operation_accept(bed->listener, bed->target, bed->operation);
  NEED(error == 0 || error == WSA_IO_PENDING);
}

void accepting_finish(struct accepting* bed) {
  accepting_post(bed);
  bed->caller = loopback_call(loopback_port(bed->listener));
  NEED_END(bed->port, bed->operation);
  NEED(operation_status(bed->operation) == 0);
}

void accepting_open(struct accepting* bed) {
  accepting_prepare(bed, 0);
  accepting_finish(bed);
}

DWORD accepting_update(const struct accepting* bed) {
  SOCKET listener = bed->listener;
  if (setsockopt(bed->target,
                 SOL_SOCKET,
                 SO_UPDATE_ACCEPT_CONTEXT,
                 (const char*)&listener,
                 sizeof listener) == 0)
    return 0;
  return (DWORD)WSAGetLastError();
}
