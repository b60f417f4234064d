/* SPDX-License-Identifier: MIT */
/* Which socket a handle refers to: its two addresses. identity.c implements
 * engine_check_handle() as well. */
#ifndef IOCP_WINDOWS_IDENTITY_H
#define IOCP_WINDOWS_IDENTITY_H

#include "platform.h"

/* Each returns false, with WSAGetLastError(), when the handle has no such
 * address. */
bool identity_local(SOCKET handle, struct iocp_address* address_out);
bool identity_peer(SOCKET handle, struct iocp_address* address_out);

/* Whether it has failed because the system could not be asked: WSAENETDOWN
 * (getsockname()), or memory was short. */
bool identity_is_unknown(void);

#endif /* IOCP_WINDOWS_IDENTITY_H */
