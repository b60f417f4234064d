/* SPDX-License-Identifier: MIT */
#include "pipe.h"

/* SIO_TCP_INFO and its TCP_INFO_v0 (mstcpip.h), which the headers define only
 * for programs that require Windows 10 version 1703. */
#define ACKNOWLEDGED__TCP_INFO 0xD8000027u
struct acknowledged__tcp_info {
  int State;
  ULONG Mss;
  uint64_t ConnectionTimeMs;
  BOOLEAN TimestampsEnabled;
  ULONG RttUs;
  ULONG MinRttUs;
  ULONG BytesInFlight;
  ULONG Cwnd;
  ULONG SndWnd;
  ULONG RcvWnd;
  ULONG RcvBuf;
  uint64_t BytesOut;
  uint64_t BytesIn;
  ULONG BytesReordered;
  ULONG BytesRetrans;
  ULONG FastRetrans;
  ULONG DupAcksIn;
  ULONG TimeoutEpisodes;
  uint8_t SynRetrans;
};

bool engine_acknowledged(struct socket* socket, uint64_t* bytes_out) {
  struct acknowledged__tcp_info info;
  DWORD version = 0;
  DWORD length;
  /* The parts of a send copy that leave are all that a pipe shows. */
  if (pipe_is(socket)) return false;
  /* Since Windows 10 version 1703. */
  if (WSAIoctl(socket->engine.handle,
               ACKNOWLEDGED__TCP_INFO,
               &version,
               sizeof version,
               &info,
               sizeof info,
               &length,
               NULL,
               NULL) != 0)
    return false;
  /* It is not documented whether "bytes sent" includes retransmissions
   * (TCP_INFO_v0). If it does not, the result is too small while packets are
   * lost, but it never grows for a peer that acknowledges nothing. */
  *bytes_out = info.BytesOut - info.BytesRetrans - info.BytesInFlight;
  return true;
}
