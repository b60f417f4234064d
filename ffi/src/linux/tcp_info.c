/* SPDX-License-Identifier: MIT */
/* The kernel's header, since that of a libc has a shorter struct. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "engine.h"
#include "errors.h"

/* A kernel writes as much of the struct as it knows (do_tcp_getsockopt()), so a
 * member beyond `length` is unknown. */
#define TCP_INFO__HAS(length, member)              \
  ((length) >= offsetof(struct tcp_info, member) + \
                   sizeof(((struct tcp_info*)NULL)->member))

/* As tcp_packets_in_flight() in the kernel; it cannot become negative there. */
static double tcp_info__in_flight(const struct tcp_info* info) {
  int64_t segments = (int64_t)info->tcpi_unacked - info->tcpi_sacked -
                     info->tcpi_lost + info->tcpi_retrans;
  return segments < 0 ? 0 : (double)segments * info->tcpi_snd_mss;
}

int32_t engine_tcp_info(struct socket* socket, struct iocp_tcp_info* info_out) {
  struct tcp_info info = {0};
  socklen_t length = sizeof info;
  if (getsockopt(socket->engine.fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
    return errors_fail(socket->port);
  *info_out = (struct iocp_tcp_info){
      .rtt_us = info.tcpi_rtt,
      .rtt_variance_us = info.tcpi_rttvar,
      .rtt_min_us = IOCP_TCP_UNKNOWN,
      .bytes_in_flight = tcp_info__in_flight(&info),
      .congestion_window = (double)info.tcpi_snd_cwnd * info.tcpi_snd_mss,
      .max_segment = info.tcpi_snd_mss,
      .bytes_retransmitted = IOCP_TCP_UNKNOWN,
      .segments_retransmitted = info.tcpi_total_retrans,
      .delivery_rate = IOCP_TCP_UNKNOWN,
  };
  /* The largest number: nothing was measured yet (tcp_min_rtt() in the
   * kernel). */
  if (TCP_INFO__HAS(length, tcpi_min_rtt) && info.tcpi_min_rtt != UINT32_MAX)
    info_out->rtt_min_us = info.tcpi_min_rtt;
  if (TCP_INFO__HAS(length, tcpi_delivery_rate))
    info_out->delivery_rate = (double)info.tcpi_delivery_rate;
  if (TCP_INFO__HAS(length, tcpi_bytes_retrans))
    info_out->bytes_retransmitted = (double)info.tcpi_bytes_retrans;
  return 0;
}
