/* SPDX-License-Identifier: MIT */
/* The part of winsock2.h that the Windows engine uses; see windows.h. */
#ifndef MODEL_WINSOCK2_H
#define MODEL_WINSOCK2_H

#include <windows.h>

/* Libc has functions of these names, so the symbols are renamed. */
#define MODEL_NAME(name) __asm__("model_" #name)

typedef uintptr_t SOCKET;
#define INVALID_SOCKET ((SOCKET) - 1)
#define SOCKET_ERROR (-1)

typedef struct {
  uint32_t Data1;
  uint16_t Data2;
  uint16_t Data3;
  uint8_t Data4[8];
} GUID;

typedef struct {
  WORD wVersion;
} WSADATA;

int WSAStartup(WORD version, WSADATA* data);
int WSAGetLastError(void);
void WSASetLastError(int error);

/* ---- errors */

#define WSA_IO_PENDING 997u
#define WSAEINTR 10004
#define WSAEACCES 10013
#define WSAEFAULT 10014
#define WSAEINVAL 10022
#define WSAEMFILE 10024
#define WSAEWOULDBLOCK 10035
#define WSAEINPROGRESS 10036
#define WSAEALREADY 10037
#define WSAENOTSOCK 10038
#define WSAEDESTADDRREQ 10039
#define WSAEMSGSIZE 10040
#define WSAEPROTOTYPE 10041
#define WSAENOPROTOOPT 10042
#define WSAEPROTONOSUPPORT 10043
#define WSAESOCKTNOSUPPORT 10044
#define WSAEOPNOTSUPP 10045
#define WSAEPFNOSUPPORT 10046
#define WSAEAFNOSUPPORT 10047
#define WSAEADDRINUSE 10048
#define WSAEADDRNOTAVAIL 10049
#define WSAENETDOWN 10050
#define WSAENETUNREACH 10051
#define WSAENETRESET 10052
#define WSAECONNABORTED 10053
#define WSAECONNRESET 10054
#define WSAENOBUFS 10055
#define WSAEISCONN 10056
#define WSAENOTCONN 10057
#define WSAESHUTDOWN 10058
#define WSAETIMEDOUT 10060
#define WSAECONNREFUSED 10061
#define WSAEHOSTDOWN 10064
#define WSAEHOSTUNREACH 10065
#define WSAEPROCLIM 10067
#define WSASYSNOTREADY 10091
#define WSAVERNOTSUPPORTED 10092
#define WSAEDISCON 10101
#define WSAECANCELLED 10103
#define WSATYPE_NOT_FOUND 10109
#define WSA_E_CANCELLED 10111
#define WSAHOST_NOT_FOUND 11001
#define WSATRY_AGAIN 11002
#define WSANO_RECOVERY 11003
#define WSANO_DATA 11004

/* ---- addresses */

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 23
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define IPPROTO_IP 0
#define IPPROTO_TCP 6
#define IPPROTO_IPV6 41

typedef struct sockaddr {
  uint16_t sa_family;
  char sa_data[14];
} SOCKADDR;

typedef struct sockaddr_in {
  uint16_t sin_family;
  uint16_t sin_port;
  uint8_t sin_addr[4];
  uint8_t sin_zero[8];
} SOCKADDR_IN;

typedef struct sockaddr_storage {
  uint16_t ss_family;
  uint8_t ss_pad[118];
  uint64_t ss_align;
} SOCKADDR_STORAGE;

uint16_t htons(uint16_t number) MODEL_NAME(htons);
uint16_t ntohs(uint16_t number) MODEL_NAME(ntohs);

/* ---- sockets */

#define WSA_FLAG_OVERLAPPED 0x01u
#define WSA_FLAG_NO_HANDLE_INHERIT 0x80u
#define SD_SEND 1
#define XP1_IFS_HANDLES 0x00020000u

typedef struct {
  DWORD dwServiceFlags1;
  DWORD dwProviderReserved;
} WSAPROTOCOL_INFOW;

typedef struct {
  u_long len;
  char* buf;
} WSABUF;

typedef struct {
  uint16_t l_onoff;
  uint16_t l_linger;
} LINGER;

typedef struct {
  SOCKET fd;
  int16_t events;
  int16_t revents;
} WSAPOLLFD;

#define MSG_PEEK 0x0002
#define POLLERR 0x0001
#define POLLHUP 0x0002
#define POLLRDNORM 0x0100

#define SOL_SOCKET 0xFFFF
#define SO_ACCEPTCONN 0x0002
#define SO_REUSEADDR 0x0004
#define SO_KEEPALIVE 0x0008
#define SO_LINGER 0x0080
#define SO_EXCLUSIVEADDRUSE (~SO_REUSEADDR)
#define SO_TYPE 0x1008
#define SO_PROTOCOL_INFOW 0x2005
#define TCP_NODELAY 1
#define FIONREAD 0x4004667F
#define FIONBIO 0x8004667Eu
#define SIO_GET_EXTENSION_FUNCTION_POINTER 0xC8000006u

#define FROM_PROTOCOL_INFO (-1)

SOCKET WSASocketW(int family,
                  int type,
                  int protocol,
                  WSAPROTOCOL_INFOW* info,
                  unsigned group,
                  DWORD flags);
int WSADuplicateSocketW(SOCKET handle, DWORD process, WSAPROTOCOL_INFOW* info);
int closesocket(SOCKET handle);
int bind(SOCKET handle, const SOCKADDR* name, int length) MODEL_NAME(bind);
int listen(SOCKET handle, int backlog) MODEL_NAME(listen);
int connect(SOCKET handle, const SOCKADDR* name, int length)
    MODEL_NAME(connect);
int shutdown(SOCKET handle, int how) MODEL_NAME(shutdown);
int getsockname(SOCKET handle, SOCKADDR* name, int* length)
    MODEL_NAME(getsockname);
int getpeername(SOCKET handle, SOCKADDR* name, int* length)
    MODEL_NAME(getpeername);
int setsockopt(SOCKET handle,
               int level,
               int option,
               const char* value,
               int length) MODEL_NAME(setsockopt);
int getsockopt(SOCKET handle, int level, int option, char* value, int* length)
    MODEL_NAME(getsockopt);
int ioctlsocket(SOCKET handle, long command, u_long* argument);
int WSAEventSelect(SOCKET handle, HANDLE event, LONG events);
int WSAIoctl(SOCKET handle,
             DWORD code,
             void* in,
             DWORD in_size,
             void* out,
             DWORD out_size,
             DWORD* returned,
             OVERLAPPED* overlapped,
             void* completion);
int WSAPoll(WSAPOLLFD* entries, ULONG count, int timeout_ms);
int send(SOCKET handle, const char* buffer, int length, int flags)
    MODEL_NAME(send);
int recv(SOCKET handle, char* buffer, int length, int flags) MODEL_NAME(recv);
int WSASend(SOCKET handle,
            WSABUF* buffers,
            DWORD count,
            DWORD* sent,
            DWORD flags,
            OVERLAPPED* overlapped,
            void* completion);
int WSARecv(SOCKET handle,
            WSABUF* buffers,
            DWORD count,
            DWORD* received,
            DWORD* flags,
            OVERLAPPED* overlapped,
            void* completion);

/* ---- datagram sockets */

typedef int INT;
#define AF_UNSPEC 0
#define IPPROTO_UDP 17
#define SO_BROADCAST 0x0020
#define SO_SNDBUF 0x1001
#define SO_RCVBUF 0x1002

uint32_t htonl(uint32_t number) MODEL_NAME(htonl);
int sendto(SOCKET handle,
           const char* buffer,
           int length,
           int flags,
           const SOCKADDR* to,
           int to_length) MODEL_NAME(sendto);
int WSASendTo(SOCKET handle,
              WSABUF* buffers,
              DWORD count,
              DWORD* sent,
              DWORD flags,
              const SOCKADDR* to,
              int to_length,
              OVERLAPPED* overlapped,
              void* completion);
int WSARecvFrom(SOCKET handle,
                WSABUF* buffers,
                DWORD count,
                DWORD* received,
                DWORD* flags,
                SOCKADDR* from,
                INT* from_length,
                OVERLAPPED* overlapped,
                void* completion);

#endif /* MODEL_WINSOCK2_H */
