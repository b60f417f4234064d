/* SPDX-License-Identifier: MIT */
/* Who has which address: bind(), listen(), and the table of listeners. */
#ifndef MODEL_BIND_H
#define MODEL_BIND_H

#include <winsock2.h>
/* It needs those above. */
#include <iphlpapi.h>

void bind_open(void);

/* "Retrieves a table that contains a list of TCP endpoints": those that listen,
 * of every program. */
DWORD WINAPI bind_get_tcp_table(void* table,
                                DWORD* size,
                                BOOL sorts,
                                ULONG family,
                                TCP_TABLE_CLASS class,
                                ULONG reserved);

#endif /* MODEL_BIND_H */
