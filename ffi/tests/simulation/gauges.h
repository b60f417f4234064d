/* SPDX-License-Identifier: MIT */
/* What the counters say of the present: operations in flight, and their bytes;
 * and of accepts that have failed. */
#ifndef IOCP_GAUGES_H
#define IOCP_GAUGES_H

#include "ledger.h"

/* A socket that is open. */
void gauges_check(const struct entry* entry,
                  const struct iocp_socket_stats* stats);

void gauges_check_port(uint32_t port, const struct iocp_stats* stats);

/* The records of a poll have been checked. */
void gauges_check_failures(uint32_t port);

/* A listener has gone without records: what it had to report is lost. */
void gauges_lose_failures(const struct entry* listener);

#endif /* IOCP_GAUGES_H */
