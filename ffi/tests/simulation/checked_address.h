/* SPDX-License-Identifier: MIT */
/* Reasons to refuse an address, a name or a handle. */
#ifndef IOCP_CHECKED_ADDRESS_H
#define IOCP_CHECKED_ADDRESS_H

#include "contract.h"

/* A struct iocp_address. */
void checked_refuse_ip(struct contract_call* call, const void* address);

/* A struct iocp_path, which is copied as far as it is one. */
void checked_refuse_path(struct contract_call* call,
                         const void* path,
                         struct iocp_path* name_out);

/* The destination of a datagram, which is not NULL. */
void checked_refuse_destination(struct contract_call* call,
                                const void* address);

void checked_refuse_handle(struct contract_call* call, double handle);

uint16_t checked_family(const void* address);

#endif /* IOCP_CHECKED_ADDRESS_H */
