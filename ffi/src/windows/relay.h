/* SPDX-License-Identifier: MIT */
/*
 * Sockets whose handle is tied to another port for ever.
 *
 * A handle can be taken out of its port since Windows 8.1 (engine_release()),
 * and then enters another one like any other. Where that is refused (Wine 10),
 * its operations must not queue packets, which the low bit of their event asks
 * for (GetQueuedCompletionStatus()'s documentation), and a thread of the
 * system's pool, which waits for the event, posts the packet to our port:
 *
 *   operation --completes--> event --pool thread--> packet in our port
 */
#ifndef IOCP_WINDOWS_RELAY_H
#define IOCP_WINDOWS_RELAY_H

#include "engine.h"

/* Gives an operation its event, and has it waited for. Before it is posted:
 * what is pending already could only be canceled, and nobody would know how
 * much of it had been done. */
bool relay_prepare(struct engine_op* op);

/* Gives back what an operation holds, if it is one of these. */
void relay_end(struct engine_op* op);

#endif /* IOCP_WINDOWS_RELAY_H */
