/* SPDX-License-Identifier: MIT */
#include <sys/ioctl.h>

#include "engine.h"

bool engine_acknowledged(struct socket* socket, uint64_t* bytes_out) {
  int queued = 0;
  /* Bytes that are unsent or unacknowledged (tcp(7), SIOCOUTQ); of a unix
   * socket, the memory of the messages that its peer has not received whole
   * (unix_outq_len() in the kernel), which is more than their bytes. So the
   * result may decrease with each send, and grows only when the peer receives.
   */
  if (ioctl(socket->engine.fd, TIOCOUTQ, &queued) < 0) return false;
  *bytes_out = socket->stats.bytes_sent - (uint64_t)queued;
  return true;
}
