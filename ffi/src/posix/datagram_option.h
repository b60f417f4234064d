/* SPDX-License-Identifier: MIT */
/* The options that only datagram sockets have. */
#ifndef IOCP_POSIX_DATAGRAM_OPTION_H
#define IOCP_POSIX_DATAGRAM_OPTION_H

#include "engine.h"

/* As engine_set_option() and engine_get_option(). */
int32_t datagram_option_set(struct socket* socket,
                            uint32_t option,
                            int32_t value);
int32_t datagram_option_get(struct socket* socket, uint32_t option);

/* ---- in the folder of each system */

/* IOCP_OFFLOAD */
int32_t datagram_option_set_offload(struct socket* socket, bool offloads);

#endif /* IOCP_POSIX_DATAGRAM_OPTION_H */
