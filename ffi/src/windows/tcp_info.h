/* SPDX-License-Identifier: MIT */
/* What the system knows of a TCP connection. */
#ifndef IOCP_WINDOWS_TCP_INFO_H
#define IOCP_WINDOWS_TCP_INFO_H

#include "platform.h"

/* SIO_TCP_INFO and its TCP_INFO_v0 (mstcpip.h), which the headers define only
 * for programs that require Windows 10 version 1703. */
struct tcp_info {
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

/* Returns false, with the error in WSAGetLastError(), also where the system
 * does not have it: before Windows 10 version 1703. */
bool tcp_info_get(SOCKET handle, struct tcp_info* info_out);

#endif /* IOCP_WINDOWS_TCP_INFO_H */
