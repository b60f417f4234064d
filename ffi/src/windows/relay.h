/* SPDX-License-Identifier: MIT */
/*
 * Operations of sockets whose handle cannot leave another completion port.
 *
 * Since Windows 8.1 a handle can be removed from its port (engine_release())
 * and then associated with another one. Where that fails (Wine 10), the
 * operations must not queue packets to the old port, for which the low bit of
 * their event is set (GetQueuedCompletionStatus()'s documentation). A thread of
 * the system's pool waits for the event and posts the packet to our port:
 *
 *   operation --completes--> event --pool thread--> packet in our port
 */
#ifndef IOCP_WINDOWS_RELAY_H
#define IOCP_WINDOWS_RELAY_H

#include "engine.h"

/* Gives an operation its event, and starts the wait for it. For use before the
 * operation is posted: a pending one could only be canceled, with an unknown
 * number of bytes moved. */
bool relay_prepare(struct engine_op* op);

/* Frees the event and the wait of an operation, if it has them. */
void relay_end(struct engine_op* op);

#endif /* IOCP_WINDOWS_RELAY_H */
