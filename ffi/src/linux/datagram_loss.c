/* SPDX-License-Identifier: MIT */
#include "datagram_loss.h"

#include <linux/sock_diag.h>
#include <sys/socket.h>

#ifndef SO_MEMINFO
#define SO_MEMINFO 55 /* since Linux 4.12 */
#endif

/* The counter of SO_RXQ_OVFL (socket(7)), read on request: it costs nothing for
 * each datagram, and has those that were dropped behind the last one that was
 * received. It is a number of 32 bits. */
void datagram_loss_count(struct socket* socket) {
  uint32_t counters[SK_MEMINFO_VARS] = {0};
  struct datagram* datagram = socket->datagram;
  socklen_t length = sizeof counters;
  if (getsockopt(socket->engine.fd, SOL_SOCKET, SO_MEMINFO, counters, &length) <
      0)
    return;
  uint32_t dropped = counters[SK_MEMINFO_DROPS];
  datagram->dropped += (uint32_t)(dropped - datagram->engine.dropped);
  datagram->engine.dropped = dropped;
}
