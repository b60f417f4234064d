/* SPDX-License-Identifier: MIT */
/* States that random calls rarely reach, and what must happen in them. All of
 * them are for a time without faults. */
#ifndef IOCP_PROBES_H
#define IOCP_PROBES_H

#include "ledger.h"

/* The ports are not polled for a long time, in which deadlines pass. */
void probe_absence(void);

/* Faults are over, and what was to be tried again is tried again by itself. */
void probe_retries(uint32_t port);

/* A stream receives small parts, with several receives posted. */
void probe_receives(struct entry* entry);

/* A stream is closed while its peer has sent more than one step discards. */
void probe_discard(struct entry* entry);

/* A peer of the listener sends its first byte in time, and nothing after. */
void probe_first_byte(struct entry* listener);

/* A port of its own: groups come and go, and perhaps as many as there can be.
 */
void probe_groups(void);

/* Binds and connects, in a time in which the system has any error for them. */
void probe_errors(void);

/* Sockets come and go until each of their slots was used several times. */
void probe_ids(void);

#endif /* IOCP_PROBES_H */
