/* SPDX-License-Identifier: MIT */
/* Which socket a handle refers to: its two addresses. identity.c implements
 * engine_handle_is_stale() as well. */
#ifndef IOCP_WINDOWS_IDENTITY_H
#define IOCP_WINDOWS_IDENTITY_H

#include "platform.h"

/* Each returns false when the handle has no such address. */
bool identity_local(SOCKET handle, struct iocp_address* address_out);
bool identity_peer(SOCKET handle, struct iocp_address* address_out);

#endif /* IOCP_WINDOWS_IDENTITY_H */
