/* SPDX-License-Identifier: MIT */
/* The part of mswsock.h that the Windows engine uses; see windows.h. */
#ifndef MODEL_MSWSOCK_H
#define MODEL_MSWSOCK_H

#include <winsock2.h>

#define SO_CONNECT_TIME 0x700C
#define SO_UPDATE_ACCEPT_CONTEXT 0x700B
#define SO_UPDATE_CONNECT_CONTEXT 0x7010

#define WSAID_ACCEPTEX \
  {0xb5367df1, 0xcbac, 0x11cf, {0x95, 0xca, 0x00, 0x80, 0x5f, 0x48, 0xa1, 0x92}}
#define WSAID_CONNECTEX \
  {0x25a207b9, 0xddf3, 0x4660, {0x8e, 0xe9, 0x76, 0xe5, 0x8c, 0x74, 0x06, 0x3e}}
#define WSAID_TRANSMITFILE \
  {0xb5367df0, 0xcbac, 0x11cf, {0x95, 0xca, 0x00, 0x80, 0x5f, 0x48, 0xa1, 0x92}}
#define WSAID_GETACCEPTEXSOCKADDRS \
  {0xb5367df2, 0xcbac, 0x11cf, {0x95, 0xca, 0x00, 0x80, 0x5f, 0x48, 0xa1, 0x92}}

typedef BOOL(WINAPI* LPFN_ACCEPTEX)(SOCKET listener,
                                    SOCKET target,
                                    void* output,
                                    DWORD data_size,
                                    DWORD local_size,
                                    DWORD remote_size,
                                    DWORD* received,
                                    OVERLAPPED* overlapped);
typedef BOOL(WINAPI* LPFN_CONNECTEX)(SOCKET handle,
                                     const SOCKADDR* name,
                                     int length,
                                     void* buffer,
                                     DWORD size,
                                     DWORD* sent,
                                     OVERLAPPED* overlapped);
typedef void(WINAPI* LPFN_GETACCEPTEXSOCKADDRS)(void* output,
                                                DWORD data_size,
                                                DWORD local_size,
                                                DWORD remote_size,
                                                SOCKADDR** local,
                                                int* local_length,
                                                SOCKADDR** remote,
                                                int* remote_length);
typedef struct _TRANSMIT_FILE_BUFFERS TRANSMIT_FILE_BUFFERS;
typedef BOOL(WINAPI* LPFN_TRANSMITFILE)(SOCKET handle,
                                        HANDLE file,
                                        DWORD length,
                                        DWORD part,
                                        OVERLAPPED* overlapped,
                                        TRANSMIT_FILE_BUFFERS* buffers,
                                        DWORD flags);

#endif /* MODEL_MSWSOCK_H */
