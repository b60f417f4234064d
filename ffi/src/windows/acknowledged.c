/* SPDX-License-Identifier: MIT */
#include "pipe.h"
#include "tcp_info.h"

bool engine_acknowledged(struct socket* socket, uint64_t* bytes_out) {
  struct tcp_info info;
  /* The parts of a send copy that leave are all that a pipe shows. */
  if (pipe_is(socket)) return false;
  if (!tcp_info_get(socket->engine.handle, &info)) return false;
  /* It is not documented whether "bytes sent" includes retransmissions
   * (TCP_INFO_v0). If it does not, the result is too small while packets are
   * lost, but it never grows for a peer that acknowledges nothing. */
  *bytes_out = info.BytesOut - info.BytesRetrans - info.BytesInFlight;
  return true;
}
