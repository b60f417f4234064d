/* SPDX-License-Identifier: MIT */
#include "first_byte.h"

#include "engine.h"
#include "system.h"

void first_byte_expect(struct socket* socket, uint32_t timeout_ms) {
  if (timeout_ms == 0) return;
  socket->awaits_first_byte = true;
  timers_arm(&socket->port->timers, socket, system_now_ms(), timeout_ms);
}

void first_byte_arrived(struct socket* socket) {
  if (!socket->awaits_first_byte) return;
  socket->awaits_first_byte = false;
  timers_disarm(&socket->port->timers, socket);
}

bool first_byte_is_missing(struct socket* socket) {
  /* The data may still be in the kernel, waiting for a receive. */
  int has_data = engine_has_data(socket);
  socket->awaits_first_byte = false;
  /* Without an answer the peer may have sent it in time. */
  if (has_data < 0) first_byte_expect(socket, TIMERS_TICK_MS);
  return has_data == 0;
}
