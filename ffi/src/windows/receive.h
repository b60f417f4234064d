/* SPDX-License-Identifier: MIT */
#ifndef IOCP_WINDOWS_RECEIVE_H
#define IOCP_WINDOWS_RECEIVE_H

#include "engine.h"

/* The socket's receive is the kernel's no longer. */
void receive_completed(struct socket* socket);

/* Posts a receive that could not be posted before. */
void receive_retry(struct socket* socket);

/* Frees what has come and was not taken. None is in flight. */
void receive_forget(struct socket* socket);

#endif /* IOCP_WINDOWS_RECEIVE_H */
