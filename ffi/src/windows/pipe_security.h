/* SPDX-License-Identifier: MIT */
/* Which users may connect to a pipe: its security descriptor. */
#ifndef IOCP_WINDOWS_PIPE_SECURITY_H
#define IOCP_WINDOWS_PIPE_SECURITY_H

#include "engine.h"

/* Makes the descriptor of a listener: that of access->sddl if it is set, or one
 * for the current user, or with IOCP_EVERYONE for every user of this machine.
 * Returns 0 or -IOCP_E... */
int32_t pipe_security_new(struct port* port,
                          const struct path_access* access,
                          void** descriptor_out);

void pipe_security_free(void* descriptor);

#endif /* IOCP_WINDOWS_PIPE_SECURITY_H */
