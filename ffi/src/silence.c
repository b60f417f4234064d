/* SPDX-License-Identifier: MIT */
#include "silence.h"

#include "engine.h"
#include "system.h"

void silence_expect_end(struct socket* socket, uint32_t timeout_ms) {
  if (timeout_ms == 0) return;
  socket->awaits_byte = true;
  timers_arm(&socket->port->timers, socket, system_now_ms(), timeout_ms);
}

void silence_broken(struct socket* socket) {
  if (!socket->awaits_byte) return;
  socket->awaits_byte = false;
  timers_disarm(&socket->port->timers, socket);
}

bool silence_is_over(struct socket* socket) {
  socket->awaits_byte = false;
  /* What it said may wait in the kernel for somebody who asks. */
  return engine_has_data(socket);
}
