/* SPDX-License-Identifier: MIT */
/*
 * The overflow area of a port: one part for each datagram of a batch. It has
 * memory only while datagrams are received that are longer than expected (see
 * datagram_receive.c).
 */
#ifndef IOCP_LINUX_OVERFLOW_H
#define IOCP_LINUX_OVERFLOW_H

#include "port.h"

#define OVERFLOW_PARTS 16

/* Reserves the addresses, once. False: out of memory. */
bool overflow_open(struct port* port);
void overflow_close(struct port* port);

/* Part number `index`, of IOCP_DATAGRAM_MAX bytes. */
static inline uint8_t* overflow_part(const struct port* port, uint32_t index) {
  return port->engine.overflow + (size_t)index * IOCP_DATAGRAM_MAX;
}

/* Its bytes are not used any more. */
void overflow_discard(struct port* port);

#endif /* IOCP_LINUX_OVERFLOW_H */
