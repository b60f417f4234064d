/* SPDX-License-Identifier: MIT */
/* Counters of a port, of a socket, and of a group of sockets. */
#ifndef IOCP_STATS_H
#define IOCP_STATS_H

#include "port.h"

void stats_of_port(struct port* port, struct iocp_stats* stats_out);
void stats_of_socket(struct socket* socket,
                     struct iocp_socket_stats* stats_out);

/* The group is open. Visits every socket of the port. */
void stats_of_group(struct port* port,
                    uint32_t group,
                    struct iocp_stats* stats_out);

#endif /* IOCP_STATS_H */
