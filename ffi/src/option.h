/* SPDX-License-Identifier: MIT */
/* The options of a socket, by the table of iocp_option.h. */
#ifndef IOCP_SRC_OPTION_H
#define IOCP_SRC_OPTION_H

#include "socket.h"

/* Each returns as the function of iocp.h does. The handle is open. */
int32_t option_set(struct socket* socket, uint32_t option, int32_t value);
int32_t option_get(struct socket* socket, uint32_t option);

#endif /* IOCP_SRC_OPTION_H */
