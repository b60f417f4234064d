/* SPDX-License-Identifier: MIT */
#ifndef IOCP_DATAGRAM_LINUX_H
#define IOCP_DATAGRAM_LINUX_H

/* Closes the datagram peers that a schedule has left open. */
void datagram_close_peers(void);

#endif /* IOCP_DATAGRAM_LINUX_H */
