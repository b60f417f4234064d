/* SPDX-License-Identifier: MIT */
/* The system's table of the TCP sockets that listen, of all programs. */
#ifndef IOCP_WINDOWS_TCP_TABLE_H
#define IOCP_WINDOWS_TCP_TABLE_H

#include "engine.h"

enum tcp_table_answer {
  TCP_TABLE_NONE, /* nothing listens there */
  TCP_TABLE_LISTENS,
  TCP_TABLE_UNKNOWN /* the table could not be read */
};

/* Whether a socket listens where a listener of `address` would, or at a part of
 * that. `takes_both`: an IPv6 listener that takes IPv4 as well. */
enum tcp_table_answer tcp_table_ask(const struct iocp_address* address,
                                    bool takes_both);

#endif /* IOCP_WINDOWS_TCP_TABLE_H */
