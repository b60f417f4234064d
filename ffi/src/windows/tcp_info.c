/* SPDX-License-Identifier: MIT */
#include "tcp_info.h"

#include "engine.h"
#include "handle.h"

#define TCP_INFO__CODE 0xD8000027u

bool tcp_info_get(SOCKET handle, struct tcp_info* info_out) {
  /* Version 1 adds only for how long the sender was limited, and by what. */
  DWORD version = 0;
  DWORD length;
  return WSAIoctl(handle,
                  TCP_INFO__CODE,
                  &version,
                  sizeof version,
                  info_out,
                  sizeof *info_out,
                  &length,
                  NULL,
                  NULL) == 0;
}

int32_t engine_tcp_info(struct socket* socket, struct iocp_tcp_info* info_out) {
  struct tcp_info info;
  if (!tcp_info_get(socket->engine.handle, &info)) return handle_fail(socket);
  *info_out = (struct iocp_tcp_info){
      .rtt_us = info.RttUs,
      .rtt_variance_us = IOCP_TCP_UNKNOWN,
      .rtt_min_us = info.MinRttUs,
      .bytes_in_flight = info.BytesInFlight,
      .congestion_window = info.Cwnd,
      .max_segment = info.Mss,
      .bytes_retransmitted = info.BytesRetrans,
      .segments_retransmitted = IOCP_TCP_UNKNOWN,
      .delivery_rate = IOCP_TCP_UNKNOWN,
  };
  return 0;
}
