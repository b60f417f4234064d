/* SPDX-License-Identifier: MIT */
/* bind(), listen(), and the table of listeners. */
#ifndef MODEL_BIND_H
#define MODEL_BIND_H

#include <winsock2.h>
/* After the headers above, which it needs. */
#include <iphlpapi.h>

void bind_open(void);

/* "Retrieves a table that contains a list of TCP endpoints": the listeners of
 * all programs. */
DWORD WINAPI bind_get_tcp_table(void* table,
                                DWORD* size,
                                BOOL sorts,
                                ULONG family,
                                TCP_TABLE_CLASS class,
                                ULONG reserved);

#endif /* MODEL_BIND_H */
