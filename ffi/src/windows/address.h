/* SPDX-License-Identifier: MIT */
/* Conversion and kinds of addresses. */
#ifndef IOCP_WINDOWS_ADDRESS_H
#define IOCP_WINDOWS_ADDRESS_H

#include <winsock2.h>
#include <stdbool.h>

#include "iocp.h"

/* Returns the length. The family is 4 or 6. */
int address_to_system(const struct iocp_address* address,
                      SOCKADDR_STORAGE* system_out);

/* Returns false for another family. */
bool address_from_system(const SOCKADDR* system,
                         int length,
                         struct iocp_address* address_out);

/* 0.0.0.0 or :: */
bool address_is_wildcard(const struct iocp_address* address);

/* An IPv4-mapped IPv6 address, ::ffff:0.0.0.0/96 */
bool address_is_mapped(const struct iocp_address* address);

/* A multicast address, or IPv4's limited broadcast. */
bool address_is_group(const struct iocp_address* address);

/* 127.0.0.0/8, also as ::ffff:127.0.0.0/104, or ::1 */
bool address_is_loopback(const struct iocp_address* address);

#endif /* IOCP_WINDOWS_ADDRESS_H */
