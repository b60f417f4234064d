/* SPDX-License-Identifier: MIT */
/*
 * The calls of datagram sockets. The model has no such sockets: WSASocketW()
 * makes streams alone, and no user of the simulation calls iocp_bind(). So each
 * of these is a violation.
 */
#include <winsock2.h>

#include "kernel.h"
#include "report.h"

#define DATAGRAM__RULE "the model has no datagram sockets"

uint32_t htonl(uint32_t number) { return __builtin_bswap32(number); }

int connect(SOCKET handle, const SOCKADDR* name, int length) {
  (void)handle, (void)name, (void)length;
  RULE(DATAGRAM__RULE, false);
  return SOCKET_ERROR;
}

int sendto(SOCKET handle,
           const char* buffer,
           int length,
           int flags,
           const SOCKADDR* to,
           int to_length) {
  (void)handle, (void)buffer, (void)length, (void)flags, (void)to,
      (void)to_length;
  RULE(DATAGRAM__RULE, false);
  return SOCKET_ERROR;
}

int WSASendTo(SOCKET handle,
              WSABUF* buffers,
              DWORD count,
              DWORD* sent,
              DWORD flags,
              const SOCKADDR* to,
              int to_length,
              OVERLAPPED* overlapped,
              void* completion) {
  (void)handle, (void)buffers, (void)count, (void)sent, (void)flags, (void)to,
      (void)to_length, (void)overlapped, (void)completion;
  RULE(DATAGRAM__RULE, false);
  return SOCKET_ERROR;
}

int WSARecvFrom(SOCKET handle,
                WSABUF* buffers,
                DWORD count,
                DWORD* received,
                DWORD* flags,
                SOCKADDR* from,
                INT* from_length,
                OVERLAPPED* overlapped,
                void* completion) {
  (void)handle, (void)buffers, (void)count, (void)received, (void)flags,
      (void)from, (void)from_length, (void)overlapped, (void)completion;
  RULE(DATAGRAM__RULE, false);
  return SOCKET_ERROR;
}
