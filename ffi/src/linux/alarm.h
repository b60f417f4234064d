/* SPDX-License-Identifier: MIT */
/*
 * The timer that ends the short waits of a port's own thread.
 *
 * It stays armed when a wait ends before it, and is used by the next ones. To
 * arm a timer that is nearer than all others, and to disarm it, makes the
 * kernel program the hardware. On a virtual machine that calls the hypervisor,
 * which takes longer than everything else that a small message needs: with a
 * timeout of its own for each wait, a round trip cost four times as much.
 */
#ifndef IOCP_LINUX_ALARM_H
#define IOCP_LINUX_ALARM_H

#include "port.h"

/* What the port's instance reports when it is due: the id of no socket. */
#define ALARM_EVENT UINT64_MAX

/* Adds it to the port's instance. Returns a negative error when the system has
 * no timer left. */
int32_t alarm_open(struct port* port);
void alarm_close(struct port* port);

/* Calls `wait`, which waits for the instance and returns whether there is
 * something to deliver, until there is, for `timeout_us` at most, and for half
 * of it at least. */
bool alarm_wait(struct port* port,
                bool (*wait)(struct port* port),
                uint32_t timeout_us);

#endif /* IOCP_LINUX_ALARM_H */
