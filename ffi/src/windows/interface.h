/* SPDX-License-Identifier: MIT */
/* The network interfaces of the machine. */
#ifndef IOCP_WINDOWS_INTERFACE_H
#define IOCP_WINDOWS_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>

#include "platform.h"

/* The index of the interface that has an address. Returns 0,
 * ERROR_NOT_FOUND, or another error when the addresses cannot be read. */
DWORD interface_find(const struct iocp_address* address, uint32_t* index_out);

/* Whether an interface with that index is known to have an address. */
bool interface_exists(uint32_t index);

/*
 * Returns what names an interface in the options of IPPROTO_IP: "the local IPv4
 * address of the interface or the interface index", which is 0.x.x.x, in
 * network byte order (IP_MREQ; IP_MULTICAST_IF in "IPPROTO_IP socket options").
 * 0 leaves the choice to the system.
 *
 * It is the address where the interface has one, as in other programs (OpenJDK,
 * Net.anyInet4Address()), because Wine 10 passes both to Linux as an address.
 */
uint32_t interface_to_system(uint32_t index);

#endif /* IOCP_WINDOWS_INTERFACE_H */
