/* SPDX-License-Identifier: MIT */
/*
 * iocp ROLE: what ../floor.c is for Linux, for Windows: a server as one writes
 * it by hand over a completion port. One thread; an operation that succeeds at
 * once sends no packet, so that a message that is echoed costs one WSARecv()
 * and one WSASend() and its share of a GetQueuedCompletionStatusEx(). It
 * echoes, or is a sink or a source as ../floor.c is.
 */
#include <winsock2.h>
#include <mswsock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include <ws2tcpip.h>

#include "../pattern.h"

#define BATCH 256
#define ACCEPTS 64
#define ADDRESS (sizeof(struct sockaddr_in) + 16)

enum state { ACCEPTING, RECEIVING, SENDING };

struct connection {
  OVERLAPPED overlapped; /* the first, so that it is found by its packet */
  SOCKET socket;
  enum state state;
  DWORD sent;
  DWORD length; /* of what is sent */
  uint64_t moved;
  char bytes[PATTERN_BLOCK];
};

static enum { ECHO, SINK, SOURCE } role;
static HANDLE port;
static SOCKET listener;
static LPFN_ACCEPTEX accept_ex;

static void fail(const char* what) {
  fprintf(stderr, "iocp: %s: %d\n", what, WSAGetLastError());
  exit(1);
}

static void drop(struct connection* connection) {
  closesocket(connection->socket);
  free(connection);
}

static SOCKET open_socket(void) {
  SOCKET socket = WSASocketW(
      AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
  if (socket == INVALID_SOCKET) fail("WSASocketW");
  return socket;
}

static void post_accept(void) {
  struct connection* connection = calloc(1, sizeof *connection);
  DWORD length;
  if (connection == NULL) fail("calloc");
  connection->socket = open_socket();
  if (!accept_ex(listener,
                 connection->socket,
                 connection->bytes,
                 0,
                 ADDRESS,
                 ADDRESS,
                 &length,
                 &connection->overlapped) &&
      WSAGetLastError() != WSA_IO_PENDING)
    fail("AcceptEx");
}

/* Starts what the state says. True: it is done already, without a packet. A
 * source always gets one, or it would never look at its other connections. */
static BOOL start(struct connection* connection) {
  DWORD flags = 0, length;
  int failed;
  memset(&connection->overlapped, 0, sizeof connection->overlapped);
  if (connection->state == SENDING) {
    WSABUF buffer = {.len = connection->length - connection->sent,
                     .buf = connection->bytes + connection->sent};
    if (role == SOURCE)
      buffer = (WSABUF){.len = PATTERN_BLOCK,
                        .buf = (char*)pattern_at(connection->moved)};
    failed = WSASend(connection->socket,
                     &buffer,
                     1,
                     &length,
                     0,
                     &connection->overlapped,
                     NULL);
  } else {
    WSABUF buffer = {.len = sizeof connection->bytes, .buf = connection->bytes};
    failed = WSARecv(connection->socket,
                     &buffer,
                     1,
                     &length,
                     &flags,
                     &connection->overlapped,
                     NULL);
  }
  if (!failed) return role != SOURCE;
  if (WSAGetLastError() != WSA_IO_PENDING) drop(connection);
  return FALSE;
}

/* Answers a sink's peer: a few bytes into an empty connection. */
static void answer(struct connection* connection) {
  send(connection->socket, (char*)&connection->moved, sizeof(uint64_t), 0);
  drop(connection);
}

/* What is done decides what comes next. False: the connection is gone. */
static BOOL advance(struct connection* connection, DWORD length) {
  if (connection->state == SENDING) {
    connection->sent += length;
    connection->moved += length;
    if (role == ECHO && connection->sent == connection->length)
      connection->state = RECEIVING;
    return TRUE;
  }
  if (length == 0) {
    if (role == SINK)
      answer(connection);
    else
      drop(connection);
    return FALSE;
  }
  if (role == SINK) {
    connection->moved += length;
    return TRUE;
  }
  connection->state = SENDING;
  connection->sent = 0;
  connection->length = length;
  return TRUE;
}

static void accepted(struct connection* connection) {
  BOOL on = TRUE;
  post_accept();
  setsockopt(connection->socket,
             SOL_SOCKET,
             SO_UPDATE_ACCEPT_CONTEXT,
             (char*)&listener,
             sizeof listener);
  setsockopt(
      connection->socket, IPPROTO_TCP, TCP_NODELAY, (char*)&on, sizeof on);
  UCHAR modes = FILE_SKIP_SET_EVENT_ON_HANDLE;
  if (role != SOURCE) modes |= FILE_SKIP_COMPLETION_PORT_ON_SUCCESS;
  if (CreateIoCompletionPort((HANDLE)connection->socket, port, 0, 0) == NULL ||
      !SetFileCompletionNotificationModes((HANDLE)connection->socket, modes))
    fail("CreateIoCompletionPort");
  connection->state = role == SOURCE ? SENDING : RECEIVING;
}

static void completed(struct connection* connection) {
  DWORD length = (DWORD)connection->overlapped.InternalHigh;
  BOOL has_failed = (LONG)connection->overlapped.Internal < 0;
  if (connection->state == ACCEPTING) {
    if (has_failed) {
      post_accept();
      drop(connection);
      return;
    }
    accepted(connection);
  } else if (has_failed) {
    drop(connection);
    return;
  } else if (!advance(connection, length)) {
    return;
  }
  while (start(connection))
    if (!advance(connection, (DWORD)connection->overlapped.InternalHigh))
      return;
}

static void listen_on_loopback(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  int size = sizeof address;
  GUID id = WSAID_ACCEPTEX;
  DWORD length;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = open_socket();
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0 ||
      listen(listener, 4096) != 0 ||
      getsockname(listener, (struct sockaddr*)&address, &size) != 0 ||
      WSAIoctl(listener,
               SIO_GET_EXTENSION_FUNCTION_POINTER,
               &id,
               sizeof id,
               &accept_ex,
               sizeof accept_ex,
               &length,
               NULL,
               NULL) != 0)
    fail("listen");
  port = CreateIoCompletionPort((HANDLE)listener, NULL, 0, 1);
  if (port == NULL) fail("CreateIoCompletionPort");
  for (int i = 0; i < ACCEPTS; i++) post_accept();
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
}

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[argc - 1] : "echo";
  WSADATA data;
  if (strcmp(name, "sink") == 0)
    role = SINK;
  else if (strcmp(name, "source") == 0)
    role = SOURCE;
  else if (strcmp(name, "echo") != 0) {
    fprintf(stderr, "iocp: no role %s\n", name);
    return 2;
  }
  pattern_fill();
  if (WSAStartup(MAKEWORD(2, 2), &data) != 0) fail("WSAStartup");
  listen_on_loopback();
  for (;;) {
    OVERLAPPED_ENTRY packets[BATCH];
    ULONG count;
    if (!GetQueuedCompletionStatusEx(
            port, packets, BATCH, &count, INFINITE, FALSE))
      fail("GetQueuedCompletionStatusEx");
    for (ULONG i = 0; i < count; i++)
      completed((struct connection*)packets[i].lpOverlapped);
  }
}
