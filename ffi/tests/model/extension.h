/* SPDX-License-Identifier: MIT */
/* The functions that a provider has beyond the import library. */
#ifndef MODEL_EXTENSION_H
#define MODEL_EXTENSION_H

#include <mswsock.h>

/* The room that AcceptEx() needs for each of the two addresses. */
#define ACCEPT_NAME_SIZE ((int)sizeof(SOCKADDR_STORAGE) + 16)

BOOL WINAPI extension_accept_ex(SOCKET handle,
                                SOCKET target_handle,
                                void* output,
                                DWORD data_size,
                                DWORD local_size,
                                DWORD remote_size,
                                DWORD* received,
                                OVERLAPPED* overlapped);
BOOL WINAPI extension_connect_ex(SOCKET handle,
                                 const SOCKADDR* name,
                                 int length,
                                 void* buffer,
                                 DWORD size,
                                 DWORD* sent,
                                 OVERLAPPED* overlapped);
BOOL WINAPI extension_transmit_file(SOCKET handle,
                                    HANDLE file,
                                    DWORD length,
                                    DWORD part,
                                    OVERLAPPED* overlapped,
                                    TRANSMIT_FILE_BUFFERS* buffers,
                                    DWORD flags);
void WINAPI extension_get_accept_ex_sockaddrs(void* output,
                                              DWORD data_size,
                                              DWORD local_size,
                                              DWORD remote_size,
                                              SOCKADDR** local,
                                              int* local_length,
                                              SOCKADDR** remote,
                                              int* remote_length);

#endif /* MODEL_EXTENSION_H */
