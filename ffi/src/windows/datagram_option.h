/* SPDX-License-Identifier: MIT */
/* The options that only datagram sockets have. */
#ifndef IOCP_WINDOWS_DATAGRAM_OPTION_H
#define IOCP_WINDOWS_DATAGRAM_OPTION_H

#include "engine.h"

/* As engine_set_option() and engine_get_option(). */
int32_t datagram_option_set(struct socket* socket,
                            uint32_t option,
                            int32_t value);
int32_t datagram_option_get(struct socket* socket, uint32_t option);

#endif /* IOCP_WINDOWS_DATAGRAM_OPTION_H */
