/* SPDX-License-Identifier: MIT */
/*
 * The faults of datagram sockets. Besides those of all sockets, a batch may be
 * cut short, and a socket may have a late error: that of a datagram which was
 * sent before, or one that came after a part of a batch.
 */
#ifndef IOCP_FAULTS_DATAGRAM_LINUX_H
#define IOCP_FAULTS_DATAGRAM_LINUX_H

#include <stdbool.h>

bool faults_is_datagram(int fd);

/* Whether a receive of one datagram fails, with errno set. Never for a stream.
 */
bool faults_receive_fails(const char* call, int fd);

/* The next call on the socket fails with this errno; 0: it does not. */
void faults_set_late(int fd, int error);

/* No socket has a late error any more. */
void faults_forget_late(void);

#endif /* IOCP_FAULTS_DATAGRAM_LINUX_H */
