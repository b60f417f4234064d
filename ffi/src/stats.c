/* SPDX-License-Identifier: MIT */
#include "stats.h"

#include "engine.h"
#include "share.h"

void stats_of_port(struct port* port, struct iocp_stats* stats_out) {
  port->stats.sockets = port->sockets.open_count;
  *stats_out = port->stats;
}

void stats_of_socket(struct socket* socket,
                     struct iocp_socket_stats* stats_out) {
  *stats_out = (struct iocp_socket_stats){
      .sends = socket->send_copy_count,
      .bytes_unsent = socket->send_copy_bytes,
      .bytes_received = (double)socket->stats.bytes_received,
      .bytes_sent = (double)socket->stats.bytes_sent,
      .accepts_deferred = socket->deferred_count,
      .accepted = (double)socket->stats.accepted,
      .accept_failures = (double)socket->stats.accept_failures,
      .first_byte_timeouts = (double)socket->stats.first_byte_timeouts,
  };
  engine_stats(socket, stats_out);
  if (socket->hands_out)
    stats_out->accepts_ready += share_count_waiting(socket);
  if (!socket->is_datagram) return;
  stats_out->datagrams_received = (double)socket->datagram->received;
  stats_out->datagrams_sent = (double)socket->datagram->sent;
  stats_out->datagrams_dropped = (double)socket->datagram->dropped;
}

void stats_of_group(struct port* port,
                    uint32_t group,
                    struct iocp_stats* stats_out) {
  struct group sum = *group_at(&port->groups, group);
  struct iocp_stats now = {.polls = port->stats.polls,
                           .records = port->stats.records};
  struct socket* socket;
  for (uint32_t i = 0; (socket = socket_at(port, i)) != NULL; i++) {
    if (socket->state == SOCKET_FREE || socket->group != group) continue;
    now.sockets++;
    now.bytes_unsent += socket->send_copy_bytes;
    engine_count_posted(socket, &now);
    group_count(&sum, socket);
  }
  now.bytes_received = (double)sum.bytes_received;
  now.bytes_sent = (double)sum.bytes_sent;
  now.accepted = (double)sum.accepted;
  now.accept_failures = (double)sum.accept_failures;
  *stats_out = now;
}
