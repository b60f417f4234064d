/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include "engine.h"
#include "system.h"

/* A peer with a closed window is probed with a byte at a time, which some
 * systems count as sent (RFC 9293, 3.8.6.1). A peer that makes progress
 * acknowledges more than that: it does not open its window by less than a part
 * of its buffer or a whole segment (3.8.6.2.2). */
#define PROGRESS__BYTES_MIN 64

/* How often progress is checked within the timeout. */
#define PROGRESS__CHECKS 4

bool progress_made(struct socket* socket) {
  uint64_t bytes = 0;
  if (!engine_acknowledged(socket, &bytes)) return false;
  bool is_first = !socket->progress_known;
  /* The number may decrease: see windows/acknowledged.c. */
  int64_t more = (int64_t)(bytes - socket->acknowledged);
  /* That of a unix socket decreases with each send: see linux/acknowledged.c.
   */
  if (more < 0 && socket_is_local(socket)) socket->acknowledged = bytes;
  if (!is_first && more < PROGRESS__BYTES_MIN) return false;
  socket->progress_known = true;
  socket->acknowledged = bytes;
  return true;
}

/* Arms the timer for the next check. */
static void progress__arm(struct socket* socket, uint64_t now_ms) {
  uint32_t check_ms = socket->close_timeout_ms / PROGRESS__CHECKS;
  uint64_t left_ms = socket->close_until_ms - now_ms;
  /* The check sends the copies of datagrams again as well. */
  if (socket->is_datagram || check_ms < TIMERS_TICK_MS)
    check_ms = TIMERS_TICK_MS;
  timers_arm(&socket->port->timers,
             socket,
             now_ms,
             left_ms < check_ms ? (uint32_t)left_ms : check_ms);
}

void progress_expect(struct socket* socket) {
  uint64_t now_ms = system_now_ms();
  socket->close_until_ms = now_ms + socket->close_timeout_ms;
  progress__arm(socket, now_ms);
}

bool progress_continues(struct socket* socket) {
  if (progress_made(socket)) {
    progress_expect(socket);
    return true;
  }
  uint64_t now_ms = system_now_ms();
  if (now_ms >= socket->close_until_ms) return false;
  progress__arm(socket, now_ms);
  return true;
}
