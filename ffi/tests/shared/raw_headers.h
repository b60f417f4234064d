/* SPDX-License-Identifier: MIT */
/* The headers of plain sockets; the calls are the same on both systems. */
#ifndef TESTS_RAW_HEADERS_H
#define TESTS_RAW_HEADERS_H

#if defined(_WIN32)
#include <winsock2.h>
#include <ws2tcpip.h>
typedef SOCKET raw_handle;
typedef int raw_length;
#else
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
typedef int raw_handle;
typedef socklen_t raw_length;
#define SD_SEND SHUT_WR
#endif

#endif /* TESTS_RAW_HEADERS_H */
