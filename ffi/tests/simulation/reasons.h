/* SPDX-License-Identifier: MIT */
/* Why an operation has failed: its peer knows the reason as well, so the error
 * that is reported must be that one. */
#ifndef IOCP_REASONS_H
#define IOCP_REASONS_H

#include "ledger.h"

/* The port of an address that no machine has. */
#define REASONS_NOWHERE 9

/* A connect over TCP has failed, and was not canceled. */
void reasons_check_connect(const struct entry* entry, int32_t error);

/* A connect has timed out. */
void reasons_check_wait(const struct entry* entry);

/* A connection has failed. */
void reasons_check_stream(const struct end* end, int32_t error);

/* The detail of a record with an error is the number that the system has for
 * it. */
void reasons_check_detail(const struct iocp_record* record);

/* An error is what the number of the system means. */
void reasons_check_number(int32_t result, int32_t number);

/* A call that has just returned `result` was refused by the library itself,
 * with this error: then the system has no number. */
bool reasons_refuses(int32_t port_id, int32_t result, int32_t error);

/* The number of the system for the error of the last call. */
void reasons_check_call(uint32_t port, int32_t result);

#endif /* IOCP_REASONS_H */
