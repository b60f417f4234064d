/* SPDX-License-Identifier: MIT */
/* The part of mstcpip.h that the Windows engine uses; see windows.h. */
#ifndef MODEL_MSTCPIP_H
#define MODEL_MSTCPIP_H

#include <winsock2.h>

#define SIO_KEEPALIVE_VALS 0x98000004u
#define SIO_TCP_INITIAL_RTO 0x98000011u
#define TCP_INITIAL_RTO_UNSPECIFIED_RTT ((uint16_t)-1)
#define TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS ((uint8_t)-2)

typedef struct {
  uint16_t Rtt;
  uint8_t MaxSynRetransmissions;
} TCP_INITIAL_RTO_PARAMETERS;

/* afunix.h: _WSAIOR(IOC_VENDOR, 256) */
#define SIO_AF_UNIX_GETPEERPID 0x58000100u
#define SIO_TCP_INFO 0xD8000027u

typedef struct {
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
  BYTE SynRetrans;
} TCP_INFO_v0;

struct tcp_keepalive {
  u_long onoff;
  u_long keepalivetime;
  u_long keepaliveinterval;
};

#endif /* MODEL_MSTCPIP_H */
