/* SPDX-License-Identifier: MIT */
#include <sys/ioctl.h>

#include "engine.h"

bool engine_acknowledged(struct socket* socket, uint64_t* bytes_out) {
  int queued = 0;
  /* Bytes that are unsent or unacknowledged (tcp(7), SIOCOUTQ). */
  if (ioctl(socket->engine.fd, TIOCOUTQ, &queued) < 0) return false;
  *bytes_out = socket->stats.bytes_sent - (uint64_t)queued;
  return true;
}
