/* SPDX-License-Identifier: MIT */
/* The system's table of TCP listeners, of all programs. */
#ifndef IOCP_WINDOWS_TCP_TABLE_H
#define IOCP_WINDOWS_TCP_TABLE_H

#include "engine.h"

enum tcp_table_answer {
  TCP_TABLE_NONE, /* nothing listens there */
  TCP_TABLE_LISTENS,
  TCP_TABLE_UNKNOWN /* the table could not be read */
};

/* Whether a socket listens on an address that overlaps with `address`. An IPv6
 * listener with `is_dual_stack` accepts IPv4 as well. */
enum tcp_table_answer tcp_table_find(const struct iocp_address* address,
                                     bool is_dual_stack);

#endif /* IOCP_WINDOWS_TCP_TABLE_H */
